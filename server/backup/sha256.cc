#include "server/backup/sha256.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace pintle::server::backup {

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(evp); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  PINTLE_CHECK(EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) == 1, "no SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::Add(std::string_view bytes) {
  PINTLE_CHECK(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) == 1, "SHA-256 failed");
}

std::string Sha256::Finish() {
  std::string digest(kBytes, '\0');
  PINTLE_CHECK(EVP_DigestFinal_ex(context_->evp, reinterpret_cast<unsigned char*>(digest.data()),
                                  nullptr) == 1,
               "SHA-256 failed");
  return digest;
}

}  // namespace pintle::server::backup
