#include "tests/raft/describe.h"

#include <variant>

#include "absl/strings/str_cat.h"

namespace pintle::raft {
namespace {

struct BodyText {
  std::string operator()(const RequestVote& body) const {
    return absl::StrCat(body.pre_vote ? "RequestPreVote" : "RequestVote", " last ",
                        Describe(body.last_entry));
  }
  std::string operator()(const RequestVoteResponse& body) const {
    return absl::StrCat(body.pre_vote ? "PreVote " : "Vote ", body.granted ? "granted" : "refused");
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
    if (!body.rejected) return absl::StrCat("Appended up to ", body.match_index.value());
    return absl::StrCat("Refused after ", body.rejected_index.value(), " hint ",
                        Describe(body.hint));
  }
  std::string operator()(const Heartbeat& body) const {
    return absl::StrCat("Heartbeat commit ", body.commit_index.value(), " round ",
                        body.read_round.value());
  }
  std::string operator()(const HeartbeatResponse& body) const {
    return absl::StrCat("HeartbeatAnswer round ", body.read_round.value());
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
};

}  // namespace

std::string Describe(EntryId id) { return absl::StrCat(id.term.value(), "/", id.index.value()); }

std::string Describe(const Entry& entry) {
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
  for (const PeerStatus& peer : status.peers) {
    absl::StrAppend(&text, "\n   ", peer.id.value(),
                    peer.state == ProgressState::kProbe ? ": probe" : ": replicate", " match ",
                    peer.match_index.value(), " next ", peer.next_index.value(), " inflight ",
                    peer.inflight_messages, peer.recently_active ? "" : " silent",
                    peer.behind_log ? " behind" : "");
  }
  return text;
}

}  // namespace pintle::raft
