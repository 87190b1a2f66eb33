#include "server/etcd/auth_signatures.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "net/openssl_pointer.h"

namespace pintle::server::etcd {
namespace {

using Key = net::OpensslPointer<EVP_PKEY, EVP_PKEY_free>;
using Context = net::OpensslPointer<EVP_MD_CTX, EVP_MD_CTX_free>;
using Bio = net::OpensslPointer<BIO, BIO_free>;
using EcSignature = net::OpensslPointer<ECDSA_SIG, ECDSA_SIG_free>;

enum class Family : uint8_t { kHmac, kRsa, kRsaPss, kEcdsa, kEd25519 };

struct Method {
  Family family = Family::kHmac;
  const EVP_MD* digest = nullptr;  // none for Ed25519
  int bits = 0;
};

std::optional<Method> MethodOf(std::string_view name) {
  if (name == "EdDSA") return Method{.family = Family::kEd25519};
  if (name.size() != 5) return std::nullopt;
  Method method;
  const std::string_view family = name.substr(0, 2);
  if (family == "HS") {
    method.family = Family::kHmac;
  } else if (family == "RS") {
    method.family = Family::kRsa;
  } else if (family == "PS") {
    method.family = Family::kRsaPss;
  } else if (family == "ES") {
    method.family = Family::kEcdsa;
  } else {
    return std::nullopt;
  }
  const std::string_view bits = name.substr(2);
  if (bits == "256") {
    method.bits = 256;
    method.digest = EVP_sha256();
  } else if (bits == "384") {
    method.bits = 384;
    method.digest = EVP_sha384();
  } else if (bits == "512") {
    method.bits = 512;
    method.digest = EVP_sha512();
  } else {
    return std::nullopt;
  }
  return method;
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

bool IsOf(const EVP_PKEY& key, const Method& method) {
  switch (method.family) {
    case Family::kRsa:
    case Family::kRsaPss:
      return EVP_PKEY_get_base_id(&key) == EVP_PKEY_RSA;
    case Family::kEcdsa:
      // P-521 belongs to SHA-512.
      return EVP_PKEY_get_base_id(&key) == EVP_PKEY_EC &&
             EVP_PKEY_get_bits(&key) == (method.bits == 512 ? 521 : method.bits);
    case Family::kEd25519:
      return EVP_PKEY_get_base_id(&key) == EVP_PKEY_ED25519;
    case Family::kHmac:
      break;
  }
  return false;
}

using ReadPem = EVP_PKEY* (*)(BIO*, EVP_PKEY**, pem_password_cb*, void*);

// Null: there is none in the text, or it is encrypted.
Key ReadKey(std::string_view pem, ReadPem read) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const auto no_password = [](char*, int, int, void*) { return 0; };
  return Key(bio == nullptr ? nullptr : read(bio.get(), nullptr, no_password, nullptr));
}

class HmacSignatures final : public Signatures {
 public:
  HmacSignatures(std::string name, const EVP_MD* digest, std::string secret)
      : name_(std::move(name)), digest_(digest), secret_(std::move(secret)) {}

  const std::string& name() const override { return name_; }
  bool can_sign() const override { return true; }

  absl::StatusOr<std::string> Sign(std::string_view text) const override {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    if (HMAC(digest_, secret_.data(), static_cast<int>(secret_.size()), Bytes(text), text.size(),
             out.data(), &size) == nullptr) {
      return absl::InternalError("pintle: a token could not be signed");
    }
    return std::string(out.begin(), out.begin() + size);
  }

  bool Fits(std::string_view text, std::string_view signature) const override {
    const auto own = Sign(text);
    return own.ok() && own->size() == signature.size() &&
           CRYPTO_memcmp(own->data(), signature.data(), own->size()) == 0;
  }

 private:
  const std::string name_;
  const EVP_MD* const digest_;
  const std::string secret_;
};

class KeySignatures final : public Signatures {
 public:
  KeySignatures(std::string name, Method method, Key key, bool can_sign)
      : name_(std::move(name)), method_(method), key_(std::move(key)), can_sign_(can_sign) {}

  const std::string& name() const override { return name_; }
  bool can_sign() const override { return can_sign_; }

  absl::StatusOr<std::string> Sign(std::string_view text) const override {
    const Context context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* parameters = nullptr;
    size_t size = 0;
    if (EVP_DigestSignInit(context.get(), &parameters, method_.digest, nullptr, key_.get()) != 1 ||
        !SetPadding(parameters, RSA_PSS_SALTLEN_DIGEST) ||
        EVP_DigestSign(context.get(), nullptr, &size, Bytes(text), text.size()) != 1) {
      return Failed();
    }
    std::string signature(size, '\0');
    if (EVP_DigestSign(context.get(), Bytes(signature), &size, Bytes(text), text.size()) != 1) {
      return Failed();
    }
    signature.resize(size);
    return method_.family == Family::kEcdsa ? ToPair(signature) : signature;
  }

  bool Fits(std::string_view text, std::string_view signature) const override {
    std::string bytes(signature);
    if (method_.family == Family::kEcdsa && !FromPair(signature, bytes)) return false;
    const Context context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* parameters = nullptr;
    return EVP_DigestVerifyInit(context.get(), &parameters, method_.digest, nullptr, key_.get()) ==
               1 &&
           SetPadding(parameters, RSA_PSS_SALTLEN_AUTO) &&
           EVP_DigestVerify(context.get(), Bytes(bytes), bytes.size(), Bytes(text), text.size()) ==
               1;
  }

 private:
  static absl::Status Failed() {
    return absl::InternalError("pintle: a token could not be signed");
  }

  bool SetPadding(EVP_PKEY_CTX* parameters, int salt_bytes) const {
    if (method_.family != Family::kRsaPss) return true;
    return EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt_bytes) == 1;
  }

  // Of each of the two numbers (RFC 7518 §3.4: at fixed length, where OpenSSL speaks DER).
  int NumberBytes() const { return (EVP_PKEY_get_bits(key_.get()) + 7) / 8; }

  absl::StatusOr<std::string> ToPair(const std::string& der) const {
    const unsigned char* at = Bytes(std::string_view(der));
    const EcSignature parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
    if (parsed == nullptr) return Failed();
    const auto size = static_cast<size_t>(NumberBytes());
    std::string pair(2 * size, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), Bytes(pair), NumberBytes());
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), Bytes(pair) + size, NumberBytes());
    return pair;
  }

  bool FromPair(std::string_view pair, std::string& der) const {
    const auto size = static_cast<size_t>(NumberBytes());
    if (pair.size() != 2 * size) return false;
    const EcSignature numbers(ECDSA_SIG_new());
    BIGNUM* r = BN_bin2bn(Bytes(pair), NumberBytes(), nullptr);
    BIGNUM* s = BN_bin2bn(Bytes(pair) + size, NumberBytes(), nullptr);
    if (numbers == nullptr || ECDSA_SIG_set0(numbers.get(), r, s) != 1) return false;
    unsigned char* out = nullptr;
    const int der_size = i2d_ECDSA_SIG(numbers.get(), &out);
    if (der_size <= 0) return false;
    der.assign(out, out + der_size);
    OPENSSL_free(out);
    return true;
  }

  const std::string name_;
  const Method method_;
  const Key key_;
  const bool can_sign_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Signatures>> Signatures::Make(std::string_view name,
                                                             std::string_view private_key,
                                                             std::string_view public_key) {
  const std::optional<Method> method = MethodOf(name);
  if (!method.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("unknown sign-method ", std::string(name)));
  }
  if (method->family == Family::kHmac) {
    if (private_key.empty()) return absl::InvalidArgumentError("priv-key is missing");
    return std::make_unique<HmacSignatures>(std::string(name), method->digest,
                                            std::string(private_key));
  }
  if (private_key.empty() && public_key.empty()) {
    return absl::InvalidArgumentError("priv-key and pub-key are missing");
  }
  Key signing = private_key.empty() ? nullptr : ReadKey(private_key, PEM_read_bio_PrivateKey);
  Key checking = public_key.empty() ? nullptr : ReadKey(public_key, PEM_read_bio_PUBKEY);
  if (!private_key.empty() && (signing == nullptr || !IsOf(*signing, *method))) {
    return absl::InvalidArgumentError(absl::StrCat("priv-key is no key for ", std::string(name)));
  }
  if (!public_key.empty() && (checking == nullptr || !IsOf(*checking, *method))) {
    return absl::InvalidArgumentError(absl::StrCat("pub-key is no key for ", std::string(name)));
  }
  if (signing != nullptr && checking != nullptr &&
      EVP_PKEY_eq(signing.get(), checking.get()) != 1) {
    return absl::InvalidArgumentError("priv-key and pub-key do not belong together");
  }
  const bool can_sign = signing != nullptr;
  return std::make_unique<KeySignatures>(std::string(name), *method,
                                         std::move(can_sign ? signing : checking), can_sign);
}

}  // namespace pintle::server::etcd
