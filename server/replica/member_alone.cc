// Member, the part about --force-new-cluster: the last resort after a quorum was lost for good.
#include <spdlog/spdlog.h>

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "raft/membership.h"
#include "server/replica/member.h"
#include "server/replica/proposal_codec.h"

namespace pintle::server::replica {
namespace {

struct LoggedMembers {
  raft::ConfState latest;
  std::set<uint64_t> ids;  // everybody who is, or was, named
  bool recorded = false;   // the list is written down
};

void Collect(const raft::ConfState& conf, std::set<uint64_t>& ids) {
  for (const auto* list : {&conf.voters, &conf.outgoing, &conf.learners}) {
    for (const raft::MemberId id : *list) ids.insert(id.value());
  }
}

void Collect(std::span<const raft::Entry> entries, LoggedMembers& found) {
  for (const raft::Entry& entry : entries) {
    raft::ConfChange change;
    if (entry.kind != raft::EntryKind::kConfChange ||
        !raft::DecodeConfChange(entry.bytes(), change))
      continue;
    Collect(change.conf_state, found.ids);
    found.latest = change.conf_state;
    DecodedProposal proposal;
    if (DecodeProposal(change.context, proposal) && proposal.kind == RequestKind::kFirstMembers)
      found.recorded = true;
  }
}

// What makes `self` the only member, in the order of the log.
std::vector<std::string> ChangesToBeAlone(uint64_t self, const LoggedMembers& found,
                                          const std::vector<std::string>& peer_urls) {
  const raft::ConfState alone{.voters = {raft::MemberId(self)}};
  const auto change = [&alone](RequestKind kind, const std::string& body) {
    return raft::EncodeConfChange(alone, *EncodeProposal(0, kind, body));
  };
  if (!found.recorded) {
    const MemberList list{.members = {{.id = self, .peer_urls = peer_urls}}};
    return {change(RequestKind::kFirstMembers, EncodeMemberList(list))};
  }
  // Without a context: a change that waits for the end of its joint configuration is finished.
  std::vector<std::string> payloads{raft::EncodeConfChange(alone, {})};
  payloads.push_back(
      change(RequestKind::kMemberChange,
             EncodeMemberChange({.kind = MemberChange::Kind::kPromote, .id = self})));
  for (const uint64_t id : found.ids) {
    if (id == self) continue;
    payloads.push_back(change(RequestKind::kMemberChange,
                              EncodeMemberChange({.kind = MemberChange::Kind::kRemove, .id = id})));
  }
  return payloads;
}

}  // namespace

// Everything that this member has is kept, committed or not: what the lost ones acknowledged with
// it may be among it. The others are removed by entries of its log, in a term that nobody else has
// used.
absl::Status Member::BecomeAlone(storage::WalContents& contents, const absl::Status& opened) {
  PINTLE_RETURN_IF_ERROR(CheckAlone(contents, opened));
  const raft::MemberId self(options_.member_id);
  LoggedMembers found{.latest = RecordedConfState(contents),
                      .recorded = store_ != nullptr && store_->GetMeta(kMembersMeta).has_value()};
  Collect(found.latest, found.ids);
  Collect(contents.entries, found);
  if (found.latest == raft::ConfState{.voters = {self}}) return absl::OkStatus();

  raft::HardState hard_state{.term = raft::Term(contents.hard_state.term.value() + 1),
                             .commit_index = contents.hard_state.commit_index};
  raft::EntryId last = contents.entries.empty() ? contents.base : contents.entries.back().id;
  // It applies what a quorum has, before its own disk does.
  if (applied().index > last.index) {
    last = applied();
    hard_state.term = std::max(hard_state.term, raft::Term(last.term.value() + 1));
    PINTLE_RETURN_IF_ERROR(
        wal_->ResetTo(last, raft::EncodeConfChange(RecordedConfState(contents), {}), hard_state));
    contents.base = last;
    contents.entries.clear();
  }
  std::vector<raft::Entry> entries;
  for (std::string& payload : ChangesToBeAlone(options_.member_id, found, options_.peer_urls)) {
    last = {hard_state.term, raft::Index(last.index.value() + 1)};
    entries.push_back({.id = last,
                       .kind = raft::EntryKind::kConfChange,
                       .payload = std::make_shared<const std::string>(std::move(payload))});
  }
  PINTLE_RETURN_IF_ERROR(wal_->Append(hard_state, entries, /*sync=*/true));
  contents.hard_state = hard_state;
  contents.entries.insert(contents.entries.end(), entries.begin(), entries.end());
  spdlog::warn("--force-new-cluster: member {:x} is the only one from log entry {} on; {} removed",
               options_.member_id, entries.front().id.index.value(), found.ids.size() - 1);
  return absl::OkStatus();
}

}  // namespace pintle::server::replica
