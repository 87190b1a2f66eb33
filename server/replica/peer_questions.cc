#include "server/replica/peer_questions.h"

#include "base/byte_codec.h"

namespace pintle::server::replica {
namespace {

using base::ByteReader;

bool TakeSigned(ByteReader& reader, int64_t& value) {
  uint64_t bits = 0;
  if (!reader.TakeFixed64(bits)) return false;
  value = static_cast<int64_t>(bits);
  return true;
}

}  // namespace

PeerQuestion EncodeLeaseQuestion(const LeaseQuestion& question) {
  std::string out(1, static_cast<char>(question.kind));
  base::AppendFixed64(out, static_cast<uint64_t>(question.lease_id));
  return {PeerTopic::kLease, std::move(out)};
}

bool DecodeLeaseQuestion(std::string_view body, LeaseQuestion& question) {
  ByteReader reader(body);
  std::string_view kind;
  if (!reader.TakeBytes(1, kind) || !TakeSigned(reader, question.lease_id) || !reader.empty()) {
    return false;
  }
  question.kind = static_cast<LeaseQuestion::Kind>(kind[0]);
  return question.kind == LeaseQuestion::Kind::kKeepAlive ||
         question.kind == LeaseQuestion::Kind::kTimeToLive;
}

std::string EncodeLeaseAnswer(const LeaseAnswer& answer) {
  std::string out(1, answer.is_leader ? '\1' : '\0');
  base::AppendFixed64(out, static_cast<uint64_t>(answer.ttl_seconds));
  base::AppendFixed64(out, static_cast<uint64_t>(answer.granted_ttl_seconds));
  return out;
}

bool DecodeLeaseAnswer(std::string_view body, LeaseAnswer& answer) {
  ByteReader reader(body);
  std::string_view flag;
  if (!reader.TakeBytes(1, flag) || flag[0] < 0 || flag[0] > 1 ||
      !TakeSigned(reader, answer.ttl_seconds) || !TakeSigned(reader, answer.granted_ttl_seconds)) {
    return false;
  }
  answer.is_leader = flag[0] == 1;
  return reader.empty();
}

std::string EncodeStatus(const absl::Status& status) {
  std::string out;
  base::AppendFixed32(out, static_cast<uint32_t>(status.code()));
  return out + std::string(status.message());
}

bool DecodeStatus(std::string_view body, absl::Status& status) {
  ByteReader reader(body);
  uint32_t code = 0;
  if (!reader.TakeFixed32(code)) return false;
  status = absl::Status(static_cast<absl::StatusCode>(code), std::string(reader.rest()));
  return true;
}

}  // namespace pintle::server::replica
