#include "server/replica/checkpoint.h"

#include "base/byte_codec.h"

namespace pintle::server::replica {
namespace {

// Moves when one of the hashes is computed in another way: different versions are not compared.
constexpr char kVersion = 1;
constexpr char kShortOfRoom = 1;
constexpr char kKeepsAlarm = 2;

bool TakeCheckpoint(base::ByteReader& reader, Checkpoint& checkpoint) {
  std::string_view kind;
  uint64_t index = 0;
  if (!reader.TakeBytes(1, kind) || !reader.TakeFixed64(index) ||
      !reader.TakeFixed64(checkpoint.hash)) {
    return false;
  }
  checkpoint.kind = static_cast<Checkpoint::Kind>(kind[0]);
  checkpoint.index = raft::Index(index);
  return checkpoint.kind == Checkpoint::Kind::kChain ||
         checkpoint.kind == Checkpoint::Kind::kContent;
}

}  // namespace

std::string EncodeReport(const MemberReport& report) {
  std::string out(1, kVersion);
  base::AppendFixed64(out, report.from.value());
  out.push_back(static_cast<char>((report.short_of_room ? kShortOfRoom : 0) |
                                  (report.keeps_alarm ? kKeepsAlarm : 0)));
  out.push_back(static_cast<char>(report.checkpoints.size()));
  for (const Checkpoint& checkpoint : report.checkpoints) {
    out.push_back(static_cast<char>(checkpoint.kind));
    base::AppendFixed64(out, checkpoint.index.value());
    base::AppendFixed64(out, checkpoint.hash);
  }
  return out;
}

bool DecodeReport(std::string_view body, MemberReport& report) {
  base::ByteReader reader(body);
  std::string_view version;
  std::string_view flags;
  uint64_t from = 0;
  if (!reader.TakeBytes(1, version) || version[0] != kVersion || !reader.TakeFixed64(from) ||
      !reader.TakeBytes(2, flags) || flags[0] < 0 || flags[0] > 3) {
    return false;
  }
  const auto count = static_cast<size_t>(static_cast<uint8_t>(flags[1]));
  if (count > MemberReport::kMostCheckpoints) return false;
  report.from = raft::MemberId(from);
  report.short_of_room = (flags[0] & kShortOfRoom) != 0;
  report.keeps_alarm = (flags[0] & kKeepsAlarm) != 0;
  report.checkpoints.resize(count);
  for (Checkpoint& checkpoint : report.checkpoints) {
    if (!TakeCheckpoint(reader, checkpoint)) return false;
  }
  return reader.empty();
}

}  // namespace pintle::server::replica
