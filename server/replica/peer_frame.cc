#include "server/replica/peer_frame.h"

#include <algorithm>

#include "base/byte_codec.h"
#include "base/crc32c.h"

namespace pintle::server::replica {
namespace {

using base::ByteReader;

constexpr std::string_view kMagic = "PINTLPRS";
constexpr uint32_t kMostUrls = 16;

void PutAt(std::string& out, size_t at, uint32_t value) {
  std::string encoded;
  base::AppendFixed32(encoded, value);
  out.replace(at, encoded.size(), encoded);
}

bool TakeMember(ByteReader& reader, raft::MemberId& member) {
  uint64_t id = 0;
  if (!reader.TakeFixed64(id)) return false;
  member = raft::MemberId(id);
  return true;
}

bool TakeText(ByteReader& reader, std::string& text) {
  uint32_t length = 0;
  std::string_view bytes;
  if (!reader.TakeFixed32(length) || !reader.TakeBytes(length, bytes)) return false;
  text = std::string(bytes);
  return true;
}

bool TakeUrls(ByteReader& reader, std::vector<std::string>& urls) {
  uint32_t count = 0;
  if (!reader.TakeFixed32(count) || count > kMostUrls) return false;
  urls.assign(count, "");
  return std::ranges::all_of(urls, [&](std::string& url) { return TakeText(reader, url); });
}

void PutDataDir(std::string& out, const storage::DataDirId& id) {
  base::AppendFixed64(out, id.high);
  base::AppendFixed64(out, id.low);
}

bool TakeDataDir(ByteReader& reader, storage::DataDirId& id) {
  return reader.TakeFixed64(id.high) && reader.TakeFixed64(id.low);
}

}  // namespace

size_t BeginFrame(std::string& out, FrameKind kind) {
  const size_t at = out.size();
  out.append(kFrameHeadBytes, '\0');
  out.push_back(static_cast<char>(kind));
  return at;
}

void FinishFrame(std::string& out, size_t begun_at) {
  const auto covered = std::string_view(out).substr(begun_at + kFrameHeadBytes);
  const uint32_t crc = base::Crc32c(covered);
  PutAt(out, begun_at, static_cast<uint32_t>(covered.size()));
  PutAt(out, begun_at + 4, crc);
}

std::string MakeFrame(FrameKind kind, std::string_view body) {
  std::string out;
  out.reserve(kFrameHeadBytes + 1 + body.size());
  const size_t at = BeginFrame(out, kind);
  out.append(body);
  FinishFrame(out, at);
  return out;
}

FrameCheck TakeFrame(std::string_view bytes, size_t limit, Frame& frame) {
  frame.size = 0;
  if (bytes.size() < kFrameHeadBytes) return FrameCheck::kIncomplete;
  ByteReader reader(bytes);
  uint32_t length = 0;
  uint32_t crc = 0;
  reader.TakeFixed32(length);
  reader.TakeFixed32(crc);
  if (length > limit) return FrameCheck::kTooLarge;
  if (length == 0) return FrameCheck::kDamaged;
  frame.size = kFrameHeadBytes + length;
  std::string_view covered;
  if (!reader.TakeBytes(length, covered)) return FrameCheck::kIncomplete;
  if (base::Crc32c(covered) != crc) return FrameCheck::kDamaged;
  frame.kind = static_cast<FrameKind>(covered[0]);
  frame.body = covered.substr(1);
  return FrameCheck::kWhole;
}

std::string EncodeHello(const Hello& hello) {
  std::string out(kMagic);
  base::AppendFixed32(out, hello.lowest_version);
  base::AppendFixed32(out, hello.highest_version);
  base::AppendFixed64(out, hello.cluster_id);
  base::AppendFixed64(out, hello.from.value());
  base::AppendFixed64(out, hello.to.value());
  PutDataDir(out, hello.self.data_dir);
  base::AppendFixed32(out, hello.self.feature_level);
  const auto& urls = hello.self.peer_urls;
  const auto count = std::min<size_t>(urls.size(), kMostUrls);
  base::AppendFixed32(out, static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) {
    base::AppendFixed32(out, static_cast<uint32_t>(urls[i].size()));
    out += urls[i];
  }
  return out;
}

bool DecodeHello(std::string_view body, Hello& hello) {
  // A later version may append fields: what follows is not looked at.
  ByteReader reader(body);
  std::string_view magic;
  return reader.TakeBytes(kMagic.size(), magic) && magic == kMagic &&
         reader.TakeFixed32(hello.lowest_version) && reader.TakeFixed32(hello.highest_version) &&
         reader.TakeFixed64(hello.cluster_id) && TakeMember(reader, hello.from) &&
         TakeMember(reader, hello.to) && TakeDataDir(reader, hello.self.data_dir) &&
         reader.TakeFixed32(hello.self.feature_level) && TakeUrls(reader, hello.self.peer_urls);
}

std::string EncodeHelloOk(const HelloOk& hello) {
  std::string out;
  base::AppendFixed32(out, hello.version);
  base::AppendFixed64(out, hello.member.value());
  PutDataDir(out, hello.data_dir);
  return out;
}

bool DecodeHelloOk(std::string_view body, HelloOk& hello) {
  ByteReader reader(body);
  return reader.TakeFixed32(hello.version) && TakeMember(reader, hello.member) &&
         TakeDataDir(reader, hello.data_dir);
}

std::string EncodeHelloRefused(const HelloRefused& refused) {
  std::string out(1, static_cast<char>(refused.reason));
  return out + refused.text;
}

bool DecodeHelloRefused(std::string_view body, HelloRefused& refused) {
  if (body.empty()) return false;
  const auto reason = static_cast<Refusal>(body[0]);
  const bool known = reason == Refusal::kRemoved || reason == Refusal::kOtherDataDir;
  refused.reason = known ? reason : Refusal::kOther;
  refused.text = std::string(body.substr(1));
  return true;
}

std::string EncodeQuestion(uint64_t number, const PeerQuestion& question) {
  std::string out;
  base::AppendFixed64(out, number);
  out.push_back(static_cast<char>(question.topic));
  return out + question.body;
}

bool DecodeQuestion(std::string_view body, uint64_t& number, PeerQuestion& question) {
  ByteReader reader(body);
  std::string_view topic;
  if (!reader.TakeFixed64(number) || !reader.TakeBytes(1, topic)) return false;
  question.topic = static_cast<PeerTopic>(topic[0]);
  question.body = std::string(reader.rest());
  return true;
}

std::string EncodeAnswer(uint64_t number, std::string_view answer) {
  std::string out;
  base::AppendFixed64(out, number);
  return out.append(answer);
}

bool DecodeAnswer(std::string_view body, uint64_t& number, std::string& answer) {
  ByteReader reader(body);
  if (!reader.TakeFixed64(number)) return false;
  answer = std::string(reader.rest());
  return true;
}

}  // namespace pintle::server::replica
