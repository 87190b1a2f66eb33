#include "tests/raft/describe.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "raft/membership.h"

namespace pintle::raft {
namespace {

struct BodyText {
  std::string operator()(const RequestVote& body) const {
    return absl::StrCat(body.pre_vote ? "RequestPreVote" : "RequestVote", " last ",
                        Describe(body.last_entry), body.transfer ? " for the leader" : "");
  }
  std::string operator()(const RequestVoteResponse& body) const {
    return absl::StrCat(
        body.pre_vote ? "PreVote " : "Vote ", body.granted ? "granted" : "refused",
        body.doubtful ? absl::StrCat(" doubtful, holds ", Describe(body.intact_last)) : "");
  }
  std::string operator()(const AppendEntries& body) const {
    std::string text = absl::StrCat("Append after ", Describe(body.previous), " commit ",
                                    body.commit_index.value());
    if (body.entries.empty()) return absl::StrCat(text, " nothing");
    if (body.entries.size() > 4) {
      return absl::StrCat(text, " [", Describe(body.entries.front()), " … ",
                          Describe(body.entries.back()), "]");
    }
    for (const Entry& entry : body.entries) absl::StrAppend(&text, " [", Describe(entry), "]");
    return text;
  }
  std::string operator()(const AppendEntriesResponse& body) const {
    const std::string need = body.needs_snapshot ? " needs snapshot" : "";
    if (!body.rejected) return absl::StrCat("Appended up to ", body.match_index.value(), need);
    return absl::StrCat("Refused after ", body.rejected_index.value(), " hint ",
                        Describe(body.hint), body.lost ? " lost" : "", need);
  }
  std::string operator()(const Heartbeat& body) const {
    return absl::StrCat("Heartbeat commit ", body.commit_index.value(), " round ",
                        body.read_round.value());
  }
  std::string operator()(const HeartbeatResponse& body) const {
    return absl::StrCat("HeartbeatAnswer round ", body.read_round.value(), body.lost ? " lost" : "",
                        body.needs_snapshot ? " needs snapshot" : "");
  }
  std::string operator()(const ForwardedProposal& body) const {
    std::string text = absl::StrCat("Forward #", body.id.number);
    for (const Payload& payload : body.payloads) absl::StrAppend(&text, " \"", *payload, "\"");
    return text;
  }
  std::string operator()(const ReadIndexRequest& body) const {
    return absl::StrCat("ReadIndex #", body.id.number);
  }
  std::string operator()(const ReadIndexResponse& body) const {
    return absl::StrCat("ReadIndexAnswer #", body.id.number, " index ", body.read_index.value());
  }
  std::string operator()(const InstallSnapshot& body) const {
    return absl::StrCat("Snapshot #", body.transfer_id, " up to ", Describe(body.meta.last_entry),
                        " ", Describe(body.meta.conf_state), " from ", body.offset,
                        body.done ? " end" : "");
  }
  std::string operator()(const InstallSnapshotResponse& body) const {
    return absl::StrCat("SnapshotAnswer #", body.transfer_id, " next ", body.next_offset,
                        body.done ? " done" : "", body.failed ? " failed" : "");
  }
  std::string operator()(const TimeoutNow&) const { return "TimeoutNow"; }
};

}  // namespace

std::string Describe(EntryId id) {
  if (id.index == kMaxIndex) return absl::StrCat(id.term.value(), "/max");
  return absl::StrCat(id.term.value(), "/", id.index.value());
}

std::string Describe(const ConfState& conf_state) {
  const auto list = [](const std::vector<MemberId>& members) {
    return absl::StrJoin(members, ",", [](std::string* out, MemberId member) {
      absl::StrAppend(out, member.value());
    });
  };
  std::string text = absl::StrCat("{", list(conf_state.voters));
  if (conf_state.joint()) absl::StrAppend(&text, " joint ", list(conf_state.outgoing));
  if (!conf_state.learners.empty()) {
    absl::StrAppend(&text, " learners ", list(conf_state.learners));
  }
  return text + "}";
}

std::string Describe(const Entry& entry) {
  if (entry.kind == EntryKind::kConfChange) {
    ConfChange change;
    if (!DecodeConfChange(entry.bytes(), change)) return "a damaged conf change";
    return absl::StrCat(Describe(entry.id), " ", Describe(change.conf_state),
                        change.context.empty() ? "" : " ", change.context);
  }
  if (entry.kind == EntryKind::kNoOp) return absl::StrCat(Describe(entry.id), " no-op");
  const std::string_view bytes = entry.bytes();
  if (bytes.size() > 20) return absl::StrCat(Describe(entry.id), " ", bytes.size(), " bytes");
  return absl::StrCat(Describe(entry.id), " \"", absl::string_view(bytes.data(), bytes.size()),
                      "\"");
}

std::string_view Describe(Role role) {
  switch (role) {
    case Role::kFollower:
      return "follower";
    case Role::kPreCandidate:
      return "pre-candidate";
    case Role::kCandidate:
      return "candidate";
    case Role::kLeader:
      return "leader";
  }
  return "?";
}

std::string Describe(const Message& message) {
  return absl::StrCat(message.from.value(), "->", message.to.value(), " term ",
                      message.term.value(), " ", std::visit(BodyText(), message.body));
}

std::string Describe(const Status& status) {
  const std::string_view role = Describe(status.role);
  std::string text =
      absl::StrCat(status.id.value(), ": ", absl::string_view(role.data(), role.size()), " term ",
                   status.term.value(), " vote ", status.vote.value(), " leader ",
                   status.leader.value(), " commit ", status.commit_index.value(), " persisted ",
                   status.persisted_index.value(), " last ", Describe(status.last_entry));
  if (status.conf_index > Index{0}) {
    absl::StrAppend(&text, " conf ", Describe(status.conf_state), " of ",
                    status.conf_index.value());
  }
  if (status.doubtful) absl::StrAppend(&text, " doubtful below ", Describe(status.vote_floor));
  if (status.store_behind_log) absl::StrAppend(&text, " store behind log");
  if (status.first_index > Index{1}) absl::StrAppend(&text, " first ", status.first_index.value());
  for (const PeerStatus& peer : status.peers) {
    absl::StrAppend(&text, "\n   ", peer.id.value(),
                    peer.state == ProgressState::kProbe       ? ": probe"
                    : peer.state == ProgressState::kReplicate ? ": replicate"
                                                              : ": snapshot",
                    " match ", peer.match_index.value(), " next ", peer.next_index.value(),
                    " inflight ", peer.inflight_messages, peer.recently_active ? "" : " silent",
                    peer.behind_log ? " behind" : "", peer.learner ? " learner" : "",
                    peer.departing ? " departing" : "",
                    peer.store_needs_snapshot ? " needs snapshot" : "");
  }
  return text;
}

}  // namespace pintle::raft
