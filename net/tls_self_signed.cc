#include "net/tls_self_signed.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/status_macros.h"
#include "net/concat.h"
#include "net/openssl_pointer.h"
#include "net/tls_checks.h"
#include "net/tls_policy.h"

namespace pintle::net {
namespace {

constexpr int64_t kSecondsPerYear = int64_t{365} * 24 * 3600;

using KeyPtr = OpensslPointer<EVP_PKEY, EVP_PKEY_free>;
using CertificatePtr = OpensslPointer<X509, X509_free>;
using BioPtr = OpensslPointer<BIO, BIO_free>;

absl::Status Failed(const std::string& path, std::string_view what) {
  return absl::FailedPreconditionError(Concat(path, ": ", what, ": ", std::strerror(errno)));
}

absl::Status WritePrivately(const std::string& path, BIO* pem) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(pem, &data);
  const std::string scratch = path + ".new";
  const int file = open(scratch.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Failed(scratch, "open");
  const bool whole = write(file, data, static_cast<size_t>(size)) == size && fsync(file) == 0;
  close(file);
  if (!whole) return Failed(scratch, "write");
  if (rename(scratch.c_str(), path.c_str()) != 0) return Failed(path, "rename");
  return absl::OkStatus();
}

bool StillGood(const std::string& cert_path, const std::string& key_path) {
  std::error_code ignored;
  if (!std::filesystem::exists(key_path, ignored)) return false;
  const BioPtr file(BIO_new_file(cert_path.c_str(), "r"));
  if (file == nullptr) return false;
  const CertificatePtr certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
  return certificate != nullptr && X509_cmp_current_time(X509_get0_notAfter(certificate.get())) > 0;
}

void AddExtension(X509* certificate, int kind, const std::string& text) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, text.c_str());
  if (extension == nullptr) return;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

CertificatePtr MakeCertificate(EVP_PKEY* key, const std::vector<std::string>& hosts,
                               int64_t validity_years) {
  CertificatePtr made(X509_new());
  X509* certificate = made.get();
  X509_set_version(certificate, 2);
  unsigned char serial[16];
  RAND_bytes(serial, sizeof serial);
  serial[0] &= 0x7f;  // positive
  BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_time_adj_ex(X509_getm_notAfter(certificate),
                   static_cast<int>(validity_years * (kSecondsPerYear / 86400)), 0, nullptr);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* organization = reinterpret_cast<const unsigned char*>("pintle");
  X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, organization, -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  AddExtension(certificate, NID_key_usage, "critical,digitalSignature,keyEncipherment");
  AddExtension(certificate, NID_ext_key_usage, "serverAuth,clientAuth");
  AddExtension(certificate, NID_basic_constraints, "critical,CA:FALSE");
  std::string names;
  for (const std::string& host : hosts) {
    names += Concat(names.empty() ? "" : ",", IsAddress(host) ? "IP:" : "DNS:", host);
  }
  if (!names.empty()) AddExtension(certificate, NID_subject_alt_name, names);
  if (X509_sign(certificate, key, EVP_sha256()) == 0) made.reset();
  return made;
}

}  // namespace

absl::Status MakeSelfSignedPair(const std::string& folder, const std::vector<std::string>& hosts,
                                int64_t validity_years) {
  const std::string cert_path = folder + "/cert.pem";
  const std::string key_path = folder + "/key.pem";
  if (StillGood(cert_path, key_path)) return absl::OkStatus();
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::FailedPreconditionError(Concat(folder, ": ", error.message()));
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (key == nullptr) return absl::InternalError(TakeTlsError());
  const CertificatePtr certificate = MakeCertificate(key.get(), hosts, validity_years);
  if (certificate == nullptr) return absl::InternalError(TakeTlsError());
  const BioPtr cert_pem(BIO_new(BIO_s_mem()));
  const BioPtr key_pem(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(cert_pem.get(), certificate.get());
  PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  PINTLE_RETURN_IF_ERROR(WritePrivately(key_path, key_pem.get()));
  return WritePrivately(cert_path, cert_pem.get());
}

}  // namespace pintle::net
