#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "server/inspect/inspect.h"
#include "server/storage/log_place.h"
#include "server/storage/wal_recovery.h"
#include "server/storage/wal_witness.h"

namespace pintle::server::inspect {
namespace {

using storage::BatchHead;
using storage::EntryHead;
using storage::SegmentHead;
using storage::WalIdentity;
using storage::WalPosition;

struct SegmentFile {
  uint64_t number = 0;
  std::string path;
};

struct LogFiles {
  std::vector<SegmentFile> segments;
  std::string witness;
};

std::string Text(const raft::EntryId& id) {
  if (id.index == raft::kMaxIndex) return absl::StrCat("any entry of term ", id.term.value());
  return absl::StrCat(id.index.value(), " (term ", id.term.value(), ")");
}

std::string Text(const raft::HardState& state) {
  std::string text = absl::StrFormat("term %d, vote %x, commit %d", state.term.value(),
                                     state.vote.value(), state.commit_index.value());
  if (state.vote_floor != raft::EntryId()) text += ", vote floor " + Text(state.vote_floor);
  return text;
}

std::string KindName(raft::EntryKind kind) {
  switch (kind) {
    case raft::EntryKind::kNormal:
      return "normal";
    case raft::EntryKind::kNoOp:
      return "no-op";
    case raft::EntryKind::kConfChange:
      return "configuration";
  }
  return absl::StrCat("kind ", static_cast<int>(kind), ", unknown to this version");
}

class Printer final : public storage::WalVisitor {
 public:
  Printer(std::ostream& out, bool entries) : out_(out), entries_(entries) {}

  void OnSegment(uint64_t number, uint64_t bytes, const std::optional<SegmentHead>& head) override {
    out_ << "segment " << number << ": " << bytes << " bytes";
    if (head) {
      out_ << ", after write " << head->sequence << ", log behind " << Text(head->base) << " to "
           << Text(head->last) << ", " << Text(head->hard_state);
    }
    out_ << "\n";
  }
  void OnBatch(WalPosition start, const BatchHead& head, bool head_damaged) override {
    out_ << "  byte " << start.offset << ": write " << head.sequence << ", " << head.bytes
         << " bytes, ";
    if (head.reset) out_ << "the log is reset to begin behind " << Text(head.base) << ", ";
    if (head.members) {
      out_ << "the members as of " << Text(head.base);
    } else if (head.entries == 0) {
      out_ << "no entries";
    } else {
      out_ << head.entries << " entries behind " << Text(head.previous);
    }
    out_ << ", log behind " << Text(head.base) << " to " << Text(head.last) << ", "
         << Text(head.hard_state) << ", synced before it: segment " << head.durable_end.segment
         << ", byte " << head.durable_end.offset << (head_damaged ? " (from the copy)" : "")
         << "\n";
  }
  void OnEntry(const std::optional<EntryHead>& head, bool intact) override {
    if (!entries_) return;
    if (head) {
      out_ << "    entry " << Text(head->id) << ", " << KindName(head->kind) << ", " << head->length
           << " bytes" << (intact ? "" : ", NOT READABLE") << "\n";
    } else {
      out_ << "    entry NOT READABLE\n";
    }
  }
  void OnDamage(WalPosition from, uint64_t to_offset, std::string_view what) override {
    out_ << "  DAMAGE in segment " << from.segment << ", bytes " << from.offset << " to "
         << to_offset << ": " << what << "\n";
  }

 private:
  std::ostream& out_;
  const bool entries_;
};

std::optional<uint64_t> SegmentNumber(std::string_view path) {
  const std::string name(path.substr(path.rfind('/') + 1));
  uint64_t number = 0;
  if (!name.ends_with(".wal") || !absl::SimpleHexAtoi(name.substr(0, name.size() - 4), &number))
    return std::nullopt;
  return number;
}

// Of a data-dir, of a log's folder, or a single one.
absl::StatusOr<LogFiles> FindLog(storage::FileSystem& files, const std::string& path) {
  const std::string above = path.substr(0, path.rfind('/'));
  if (const auto number = SegmentNumber(path)) {
    return LogFiles{.segments = {{*number, path}}, .witness = storage::WalWitness::PathFor(above)};
  }
  std::string folder = path;
  LogFiles log{.witness = storage::WalWitness::PathFor(path)};
  if (files.Exists(path + "/member")) {
    PINTLE_ASSIGN_OR_RETURN(folder, storage::LogFolderOf(files, path));
    log.witness = storage::WalWitness::PathFor(path + "/member/log");
  }
  PINTLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(folder));
  for (const auto& name : names) {
    if (const auto number = SegmentNumber(name))
      log.segments.push_back({*number, folder + "/" + name});
  }
  if (log.segments.empty()) return absl::NotFoundError("no segment of a log in " + folder);
  return log;
}

// nullopt when there is no witness.
std::optional<storage::WalMark> MarkOf(storage::FileSystem& files, const std::string& witness,
                                       const WalIdentity& identity, std::ostream& out) {
  const auto bytes = files.ReadWhole(witness);
  if (!bytes.ok()) return std::nullopt;
  uint64_t sequence = 0;
  const std::optional<storage::WalMark> mark = storage::ParseWitness(identity, *bytes, sequence);
  if (mark) {
    out << "witness: segment " << mark->segment << ", term " << mark->term.value() << ", mark "
        << sequence << "\n";
  } else {
    out << "witness: NOT READABLE\n";
  }
  return mark;
}

}  // namespace

absl::StatusOr<bool> InspectWal(storage::FileSystem& files, const std::string& path,
                                const InspectOptions& options, std::ostream& out) {
  PINTLE_ASSIGN_OR_RETURN(const LogFiles log, FindLog(files, path));
  const std::vector<SegmentFile>& segments = log.segments;
  // Checksums cover whose log it is: any readable head tells, also for segments before it.
  WalIdentity identity;
  for (const SegmentFile& segment : segments) {
    PINTLE_ASSIGN_OR_RETURN(const std::string bytes, files.ReadWhole(segment.path));
    SegmentHead head;
    uint32_t version = 0;
    if (storage::DecodeSegmentHead(bytes, segment.number, head, version) ==
        storage::HeadCheck::kGood) {
      identity = head.identity;
      break;
    }
  }
  out << absl::StrFormat("log of member %x in cluster %x, data-dir %016x…: %d segments\n",
                         identity.member_id, identity.cluster_id, identity.data_dir,
                         segments.size());
  Printer printer(out, options.entries);
  storage::WalReader reader(identity, /*check_identity=*/false, &printer);
  for (const SegmentFile& segment : segments) {
    PINTLE_ASSIGN_OR_RETURN(const std::string bytes, files.ReadWhole(segment.path));
    PINTLE_RETURN_IF_ERROR(
        reader.Read(segment.number, segment.path, bytes, segment.number == segments.back().number));
  }
  const storage::WalContents contents =
      reader.Finish(raft::EntryId(), MarkOf(files, log.witness, identity, out));
  out << "a member without a store would start with: log behind " << Text(contents.base) << ", "
      << contents.entries.size() << " entries";
  if (!contents.entries.empty()) out << " to " << Text(contents.entries.back().id);
  out << ", " << Text(contents.hard_state) << "\n";
  for (const std::string& finding : contents.findings) out << "finding: " << finding << "\n";
  return contents.findings.empty();
}

}  // namespace pintle::server::inspect
