#include "tests/net/tls_support.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pintle::net {

TestAuthority::TestAuthority(const std::string& name) {
  std::string pattern = testing::TempDir() + "/pintle-tls-XXXXXX";
  folder_ = mkdtemp(pattern.data());
  std::ofstream(folder_ + "/ca.cnf")
      << "[ca]\ndefault_ca = d\n[d]\ndatabase = " << folder_ << "/index.txt\n"
      << "default_md = sha256\ndefault_crl_days = 10\n";
  std::ofstream(folder_ + "/index.txt").flush();
  Run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 10 -subj /CN=" +
      name + " -keyout ca.key -out ca.pem -addext keyUsage=critical,keyCertSign,cRLSign");
}

TestAuthority::~TestAuthority() { std::filesystem::remove_all(folder_); }

void TestAuthority::Run(const std::string& command) const {
  const std::string whole = "cd " + folder_ + " && " + command + " 2> openssl.log";
  ASSERT_EQ(std::system(whole.c_str()), 0) << whole;
}

void TestAuthority::Sign(const std::string& name, const std::string& common_name,
                         const std::string& names, int days, const std::string& usage) const {
  std::ofstream(folder_ + "/" + name + ".ext")
      << "extendedKeyUsage = " << usage << "\n"
      << (names.empty() ? "" : "subjectAltName = " + names + "\n");
  Run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + common_name +
      " -keyout " + name + ".key.new -out " + name + ".csr");
  Run("openssl x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -days " +
      std::to_string(days) + " -extfile " + name + ".ext -out " + name + ".pem.new");
  std::filesystem::rename(folder_ + "/" + name + ".key.new", KeyOf(name));
  std::filesystem::rename(folder_ + "/" + name + ".pem.new", CertificateOf(name));
}

std::string TestAuthority::Revoke(const std::string& name) const {
  const std::string ca = "openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key ";
  Run(ca + "-revoke " + name + ".pem");
  Run(ca + "-gencrl -out crl.pem");
  return folder_ + "/crl.pem";
}

TestTlsClient::TestTlsClient(TlsPolicy& policy, const std::string& host, std::string_view alpn)
    : connection_(policy.NewClient(host)) {
  SSL* ssl = connection_->ssl();
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (alpn.empty()) return;
  SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()),
                      static_cast<unsigned>(alpn.size()));
}

TestTlsClient::~TestTlsClient() = default;

std::string TestTlsClient::TakeOutput() {
  char* data = nullptr;
  BIO* out = SSL_get_wbio(connection_->ssl());
  const long size = BIO_get_mem_data(out, &data);
  std::string bytes(data, static_cast<size_t>(size));
  (void)BIO_reset(out);
  return bytes;
}

std::string TestTlsClient::Exchange(std::string_view from_server) {
  SSL* ssl = connection_->ssl();
  BIO_write(SSL_get_rbio(ssl), from_server.data(), static_cast<int>(from_server.size()));
  ERR_clear_error();
  if (!done()) {
    const int result = SSL_do_handshake(ssl);
    if (result != 1 && SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ) failed_ = true;
  }
  while (done() && !failed_) {
    char buffer[4096];
    const int count = SSL_read(ssl, buffer, sizeof buffer);
    if (count <= 0) {
      const int error = SSL_get_error(ssl, count);
      failed_ = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_ZERO_RETURN;
      break;
    }
    plain_.append(buffer, static_cast<size_t>(count));
  }
  return TakeOutput();
}

std::string TestTlsClient::Encrypt(std::string_view plain) {
  SSL_write(connection_->ssl(), plain.data(), static_cast<int>(plain.size()));
  return TakeOutput();
}

bool TestTlsClient::done() const { return SSL_is_init_finished(connection_->ssl()) != 0; }

std::string TestTlsClient::alpn() const {
  const unsigned char* data = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(connection_->ssl(), &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace pintle::net
