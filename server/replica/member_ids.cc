#include "server/replica/member_ids.h"

#include <openssl/sha.h>

#include <algorithm>

#include "base/byte_codec.h"

namespace pintle::server::replica {
namespace {

uint64_t FirstBytesOfSha1(std::string_view text) {
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  uint64_t id = 0;
  for (int i = 0; i < 8; ++i) id = (id << 8) | digest[i];
  return id;
}

}  // namespace

uint64_t MemberIdOf(std::vector<std::string> peer_urls, std::string_view token) {
  std::sort(peer_urls.begin(), peer_urls.end());
  std::string text;
  for (const auto& url : peer_urls) text += url;
  text += token;
  return FirstBytesOfSha1(text);
}

uint64_t ClusterIdOf(std::vector<uint64_t> member_ids) {
  std::sort(member_ids.begin(), member_ids.end());
  std::string text;
  for (const uint64_t id : member_ids) base::AppendBigEndian64(text, id);
  return FirstBytesOfSha1(text);
}

}  // namespace pintle::server::replica
