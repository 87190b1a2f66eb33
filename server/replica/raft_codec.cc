#include "server/replica/raft_codec.h"

#include <memory>
#include <utility>
#include <variant>

#include "base/byte_codec.h"
#include "raft/membership.h"

namespace pintle::server::replica {
namespace {

using base::ByteReader;

template <typename Strong>
void Put(std::string& out, Strong value) {
  base::AppendFixed64(out, value.value());
}
template <typename Strong>
bool Take(ByteReader& reader, Strong& value) {
  uint64_t number = 0;
  if (!reader.TakeFixed64(number)) return false;
  value = Strong(number);
  return true;
}

void PutFlag(std::string& out, bool flag) { out.push_back(flag ? '\1' : '\0'); }
bool TakeByte(ByteReader& reader, uint8_t& byte) {
  std::string_view bytes;
  if (!reader.TakeBytes(1, bytes)) return false;
  byte = static_cast<uint8_t>(bytes[0]);
  return true;
}
bool TakeFlag(ByteReader& reader, bool& flag) {
  uint8_t byte = 0;
  if (!TakeByte(reader, byte) || byte > 1) return false;
  flag = byte == 1;
  return true;
}

void PutId(std::string& out, const raft::EntryId& id) {
  Put(out, id.term);
  Put(out, id.index);
}
bool TakeId(ByteReader& reader, raft::EntryId& id) {
  return Take(reader, id.term) && Take(reader, id.index);
}

void PutRequestId(std::string& out, const raft::RequestId& id) {
  base::AppendFixed64(out, id.incarnation);
  base::AppendFixed64(out, id.number);
}
bool TakeRequestId(ByteReader& reader, raft::RequestId& id) {
  return reader.TakeFixed64(id.incarnation) && reader.TakeFixed64(id.number);
}

void PutBytes(std::string& out, std::string_view bytes) {
  base::AppendFixed32(out, static_cast<uint32_t>(bytes.size()));
  out.append(bytes);
}
bool TakePayload(ByteReader& reader, raft::Payload& payload) {
  uint32_t size = 0;
  std::string_view bytes;
  if (!reader.TakeFixed32(size) || !reader.TakeBytes(size, bytes)) return false;
  payload = bytes.empty() ? nullptr : std::make_shared<const std::string>(bytes);
  return true;
}

void PutEntry(std::string& out, const raft::Entry& entry) {
  PutId(out, entry.id);
  out.push_back(static_cast<char>(entry.kind));
  PutBytes(out, entry.bytes());
}
bool TakeEntry(ByteReader& reader, raft::Entry& entry) {
  uint8_t kind = 0;
  if (!TakeId(reader, entry.id) || !TakeByte(reader, kind) || !TakePayload(reader, entry.payload))
    return false;
  // A kind that we do not know is for those who do; apply is what must stop at it.
  entry.kind = static_cast<raft::EntryKind>(kind);
  return true;
}

constexpr size_t kLeastPayloadBytes = 4;
constexpr size_t kLeastEntryBytes = 16 + 1 + kLeastPayloadBytes;

// A list that claims more elements than can be in the bytes that are left is refused before memory
// is taken for it.
template <typename T, typename TakeOne>
bool TakeList(ByteReader& reader, std::vector<T>& list, size_t least_bytes, TakeOne take_one) {
  uint32_t count = 0;
  if (!reader.TakeFixed32(count) || count > reader.rest().size() / least_bytes) return false;
  list.resize(count);
  for (T& element : list) {
    if (!take_one(reader, element)) return false;
  }
  return true;
}

bool TakeMember(ByteReader& reader, raft::MemberId& member) { return Take(reader, member); }

void PutMembers(std::string& out, const std::vector<raft::MemberId>& members) {
  base::AppendFixed32(out, static_cast<uint32_t>(members.size()));
  for (const raft::MemberId member : members) Put(out, member);
}

void PutMeta(std::string& out, const raft::SnapshotMeta& meta) {
  PutId(out, meta.last_entry);
  PutMembers(out, meta.conf_state.voters);
  PutMembers(out, meta.conf_state.outgoing);
  PutMembers(out, meta.conf_state.learners);
}
bool TakeMeta(ByteReader& reader, raft::SnapshotMeta& meta) {
  raft::ConfState& conf = meta.conf_state;
  return TakeId(reader, meta.last_entry) && TakeList(reader, conf.voters, 8, TakeMember) &&
         TakeList(reader, conf.outgoing, 8, TakeMember) &&
         TakeList(reader, conf.learners, 8, TakeMember) && raft::IsValid(conf);
}

struct Encoder {
  std::string& out;

  void operator()(const raft::RequestVote& body) const {
    PutFlag(out, body.pre_vote);
    PutId(out, body.last_entry);
    PutFlag(out, body.transfer);
  }
  void operator()(const raft::RequestVoteResponse& body) const {
    PutFlag(out, body.pre_vote);
    PutFlag(out, body.granted);
    PutId(out, body.intact_last);
    PutFlag(out, body.doubtful);
  }
  void operator()(const raft::AppendEntries& body) const {
    PutId(out, body.previous);
    Put(out, body.commit_index);
    base::AppendFixed32(out, static_cast<uint32_t>(body.entries.size()));
    for (const auto& entry : body.entries) PutEntry(out, entry);
  }
  void operator()(const raft::AppendEntriesResponse& body) const {
    PutFlag(out, body.rejected);
    Put(out, body.match_index);
    Put(out, body.rejected_index);
    PutId(out, body.hint);
    PutFlag(out, body.lost);
    PutFlag(out, body.needs_snapshot);
  }
  void operator()(const raft::Heartbeat& body) const {
    Put(out, body.commit_index);
    Put(out, body.read_round);
  }
  void operator()(const raft::HeartbeatResponse& body) const {
    Put(out, body.read_round);
    PutFlag(out, body.lost);
    PutFlag(out, body.needs_snapshot);
  }
  void operator()(const raft::ForwardedProposal& body) const {
    PutRequestId(out, body.id);
    base::AppendFixed32(out, static_cast<uint32_t>(body.payloads.size()));
    for (const auto& payload : body.payloads)
      PutBytes(out, payload ? std::string_view(*payload) : "");
  }
  void operator()(const raft::ReadIndexRequest& body) const { PutRequestId(out, body.id); }
  void operator()(const raft::ReadIndexResponse& body) const {
    PutRequestId(out, body.id);
    Put(out, body.read_index);
  }
  void operator()(const raft::InstallSnapshot& body) const {
    base::AppendFixed64(out, body.transfer_id);
    PutMeta(out, body.meta);
    base::AppendFixed64(out, body.offset);
    base::AppendFixed64(out, body.total_bytes);
    PutFlag(out, body.done);
    PutBytes(out, body.data ? std::string_view(*body.data) : "");
  }
  void operator()(const raft::InstallSnapshotResponse& body) const {
    base::AppendFixed64(out, body.transfer_id);
    base::AppendFixed64(out, body.next_offset);
    PutFlag(out, body.done);
    PutFlag(out, body.failed);
  }
  void operator()(const raft::TimeoutNow&) const {}
};

struct Decoder {
  ByteReader& reader;

  bool operator()(raft::RequestVote& body) const {
    return TakeFlag(reader, body.pre_vote) && TakeId(reader, body.last_entry) &&
           TakeFlag(reader, body.transfer);
  }
  bool operator()(raft::RequestVoteResponse& body) const {
    return TakeFlag(reader, body.pre_vote) && TakeFlag(reader, body.granted) &&
           TakeId(reader, body.intact_last) && TakeFlag(reader, body.doubtful);
  }
  bool operator()(raft::AppendEntries& body) const {
    return TakeId(reader, body.previous) && Take(reader, body.commit_index) &&
           TakeList(reader, body.entries, kLeastEntryBytes, TakeEntry);
  }
  bool operator()(raft::AppendEntriesResponse& body) const {
    return TakeFlag(reader, body.rejected) && Take(reader, body.match_index) &&
           Take(reader, body.rejected_index) && TakeId(reader, body.hint) &&
           TakeFlag(reader, body.lost) && TakeFlag(reader, body.needs_snapshot);
  }
  bool operator()(raft::Heartbeat& body) const {
    return Take(reader, body.commit_index) && Take(reader, body.read_round);
  }
  bool operator()(raft::HeartbeatResponse& body) const {
    return Take(reader, body.read_round) && TakeFlag(reader, body.lost) &&
           TakeFlag(reader, body.needs_snapshot);
  }
  bool operator()(raft::ForwardedProposal& body) const {
    return TakeRequestId(reader, body.id) &&
           TakeList(reader, body.payloads, kLeastPayloadBytes, TakePayload);
  }
  bool operator()(raft::ReadIndexRequest& body) const { return TakeRequestId(reader, body.id); }
  bool operator()(raft::ReadIndexResponse& body) const {
    return TakeRequestId(reader, body.id) && Take(reader, body.read_index);
  }
  bool operator()(raft::InstallSnapshot& body) const {
    return reader.TakeFixed64(body.transfer_id) && TakeMeta(reader, body.meta) &&
           reader.TakeFixed64(body.offset) && reader.TakeFixed64(body.total_bytes) &&
           TakeFlag(reader, body.done) && TakePayload(reader, body.data);
  }
  bool operator()(raft::InstallSnapshotResponse& body) const {
    return reader.TakeFixed64(body.transfer_id) && reader.TakeFixed64(body.next_offset) &&
           TakeFlag(reader, body.done) && TakeFlag(reader, body.failed);
  }
  bool operator()(raft::TimeoutNow&) const { return true; }
};

// Makes the body of that place in the variant.
template <size_t I = 0>
bool EmplaceBody(size_t place, raft::MessageBody& body) {
  if constexpr (I < std::variant_size_v<raft::MessageBody>) {
    if (place == I) {
      body.emplace<I>();
      return true;
    }
    return EmplaceBody<I + 1>(place, body);
  } else {
    return false;
  }
}

}  // namespace

void EncodeMessage(const raft::Message& message, std::string& out) {
  Put(out, message.from);
  Put(out, message.to);
  Put(out, message.term);
  out.push_back(static_cast<char>(message.body.index()));
  std::visit(Encoder{out}, message.body);
}

bool DecodeMessage(std::string_view bytes, raft::Message& message) {
  ByteReader reader(bytes);
  uint8_t place = 0;
  if (!Take(reader, message.from) || !Take(reader, message.to) || !Take(reader, message.term) ||
      !TakeByte(reader, place) || !EmplaceBody(place, message.body)) {
    return false;
  }
  return std::visit(Decoder{reader}, message.body) && reader.empty();
}

}  // namespace pintle::server::replica
