#include "net/tls_checks.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "net/concat.h"

namespace pintle::net {
namespace {

std::string HexSerial(const X509* certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  char* hex = BN_bn2hex(number);
  std::string out(hex == nullptr ? "" : hex);
  OPENSSL_free(hex);
  BN_free(number);
  return out;
}

// As Go: never the common name.
bool IsFor(X509* certificate, const std::string& host) {
  if (IsAddress(host)) return X509_check_ip_asc(certificate, host.c_str(), 0) == 1;
  return X509_check_host(certificate, host.c_str(), host.size(),
                         X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1;
}

struct Names {
  bool addresses = false;
  std::vector<std::string> hosts;
};

Names NamesIn(X509* certificate) {
  Names names;
  auto* all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    if (name->type == GEN_IPADD) names.addresses = true;
    if (name->type != GEN_DNS) continue;
    const ASN1_STRING* text = name->d.dNSName;
    names.hosts.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                             static_cast<size_t>(ASN1_STRING_length(text)));
  }
  GENERAL_NAMES_free(all);
  return names;
}

// Where a client connects from, as far as the certificate itself can tell.
std::string AddressObjection(X509* certificate, const std::string& address,
                             std::vector<std::string>& hosts_to_look_up) {
  Names names = NamesIn(certificate);
  if (!names.addresses && names.hosts.empty()) return {};
  if (names.addresses && IsFor(certificate, address)) return {};
  if (names.hosts.empty()) return Concat("x509: certificate is not valid for ", address);
  hosts_to_look_up = std::move(names.hosts);
  return {};
}

}  // namespace

std::string CommonNameOf(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) return {};
  std::string name(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return name;
}

bool IsAddress(const std::string& host) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

std::string ObjectionTo(X509* certificate, STACK_OF(X509) * chain, const TlsMaterial& material,
                        const TlsOtherSide& from, std::vector<std::string>& hosts_to_look_up) {
  const TlsOptions& options = material.options;
  std::vector<const X509*> sent = {certificate};
  for (int i = 0; i < sk_X509_num(chain); ++i) sent.push_back(sk_X509_value(chain, i));
  for (const X509* one : sent) {
    const std::string serial = HexSerial(one);
    if (material.revoked.contains(serial)) {
      return Concat("transport: certificate serial ", serial, " revoked");
    }
  }
  const auto& names = options.allowed_common_names;
  if (!names.empty() && std::ranges::count(names, CommonNameOf(certificate)) == 0) {
    return "CommonName authentication failed";
  }
  const auto& hosts = options.allowed_hostnames;
  if (!hosts.empty() &&
      std::ranges::none_of(hosts, [&](const auto& host) { return IsFor(certificate, host); })) {
    return "client certificate authentication failed";
  }
  if (from.dialed && !IsFor(certificate, from.other_side)) {
    return Concat("x509: certificate is not valid for ", from.other_side);
  }
  if (!from.dialed && options.check_client_address && from.other_side != kNoAddress) {
    return AddressObjection(certificate, from.other_side, hosts_to_look_up);
  }
  return {};
}

}  // namespace pintle::net
