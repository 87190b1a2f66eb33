#include "server/replica/peer_frame.h"

#include "base/byte_codec.h"
#include "base/crc32c.h"

namespace pintle::server::replica {
namespace {

using base::ByteReader;

constexpr std::string_view kMagic = "PINTLPRS";

void PutAt(std::string& out, size_t at, uint32_t value) {
  std::string encoded;
  base::AppendFixed32(encoded, value);
  out.replace(at, encoded.size(), encoded);
}

bool TakeSigned(ByteReader& reader, int64_t& value) {
  uint64_t bits = 0;
  if (!reader.TakeFixed64(bits)) return false;
  value = static_cast<int64_t>(bits);
  return true;
}

bool TakeMember(ByteReader& reader, raft::MemberId& member) {
  uint64_t id = 0;
  if (!reader.TakeFixed64(id)) return false;
  member = raft::MemberId(id);
  return true;
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
  return out;
}

bool DecodeHello(std::string_view body, Hello& hello) {
  // A later version may append fields: what follows is not looked at.
  ByteReader reader(body);
  std::string_view magic;
  return reader.TakeBytes(kMagic.size(), magic) && magic == kMagic &&
         reader.TakeFixed32(hello.lowest_version) && reader.TakeFixed32(hello.highest_version) &&
         reader.TakeFixed64(hello.cluster_id) && TakeMember(reader, hello.from) &&
         TakeMember(reader, hello.to);
}

std::string EncodeHelloOk(const HelloOk& hello) {
  std::string out;
  base::AppendFixed32(out, hello.version);
  base::AppendFixed64(out, hello.member.value());
  return out;
}

bool DecodeHelloOk(std::string_view body, HelloOk& hello) {
  ByteReader reader(body);
  return reader.TakeFixed32(hello.version) && TakeMember(reader, hello.member) && reader.empty();
}

std::string EncodeLeaseQuestion(uint64_t number, const LeaseQuestion& question) {
  std::string out;
  base::AppendFixed64(out, number);
  out.push_back(static_cast<char>(question.kind));
  base::AppendFixed64(out, static_cast<uint64_t>(question.lease_id));
  return out;
}

bool DecodeLeaseQuestion(std::string_view body, uint64_t& number, LeaseQuestion& question) {
  ByteReader reader(body);
  std::string_view kind;
  if (!reader.TakeFixed64(number) || !reader.TakeBytes(1, kind) ||
      !TakeSigned(reader, question.lease_id) || !reader.empty()) {
    return false;
  }
  question.kind = static_cast<LeaseQuestion::Kind>(kind[0]);
  return question.kind == LeaseQuestion::Kind::kKeepAlive ||
         question.kind == LeaseQuestion::Kind::kTimeToLive;
}

std::string EncodeLeaseAnswer(uint64_t number, const LeaseAnswer& answer) {
  std::string out;
  base::AppendFixed64(out, number);
  out.push_back(answer.is_leader ? '\1' : '\0');
  base::AppendFixed64(out, static_cast<uint64_t>(answer.ttl_seconds));
  base::AppendFixed64(out, static_cast<uint64_t>(answer.granted_ttl_seconds));
  return out;
}

bool DecodeLeaseAnswer(std::string_view body, uint64_t& number, LeaseAnswer& answer) {
  ByteReader reader(body);
  std::string_view flag;
  if (!reader.TakeFixed64(number) || !reader.TakeBytes(1, flag) || flag[0] < 0 || flag[0] > 1 ||
      !TakeSigned(reader, answer.ttl_seconds) || !TakeSigned(reader, answer.granted_ttl_seconds)) {
    return false;
  }
  answer.is_leader = flag[0] == 1;
  return reader.empty();
}

}  // namespace pintle::server::replica
