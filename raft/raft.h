// Raft: the term rules, the change of roles, and the dispatch of each input to the role that is
// held.
//
// Role-only state is in the variant and exists only while the role is held. Used through RawNode
// only.
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "raft/candidate.h"
#include "raft/core.h"
#include "raft/follower.h"
#include "raft/leader.h"
#include "raft/status.h"

namespace pintle::raft {

class Raft {
 public:
  Raft(const Config& config, const RestoredState& restored, const LogStorage& log, Random& random);

  Core& core() { return core_; }
  const Core& core() const { return core_; }

  SoftState soft_state() const;
  std::vector<PeerStatus> PeerStatuses() const;
  MemberId transfer_target() const;

  void Tick();
  void Step(const Message& message);
  ProposeResult Propose(Payload payload);
  void ReadIndex(ReadId id);
  void ReportUnreachable(MemberId peer);
  void Campaign();
  ConfChangeResult ProposeConfChange(const ConfState& target, std::string_view context);
  TransferOutcome TransferLeadership(MemberId target);
  void LeaderGone(MemberId peer);
  bool leader_gone() const;
  void SnapshotSending(MemberId peer, Index index);
  void SnapshotFailed(MemberId peer);
  std::vector<MemberId> TakeSnapshotNeeds();
  void Restore(const SnapshotMeta& meta);
  // core's durable_hard_state or persisted index has moved.
  void Persisted();

  void Flush();
  bool WantsFlush() const;

 private:
  // Whether the message is to be looked at in this term at all; may change the term.
  bool AdmitTerm(const Message& message);
  void AnswerStale(const Message& message);
  bool InLease() const;
  void HandleRequestVote(const Message& message, const RequestVote& request);
  bool MayVoteFor(const Message& message, const RequestVote& request) const;

  RequestVoteResponse Answer(bool pre_vote, bool granted) const;
  void Start(const RestoredState& restored);
  void RestoreConf(const RestoredState& restored);

  void Become(Transition transition);
  void BecomeFollower(Term term, MemberId leader);
  void EndRole();

  Core core_;
  std::variant<Follower, Candidate, Leader> role_;
};

}  // namespace pintle::raft
