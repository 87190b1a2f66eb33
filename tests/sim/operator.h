// Operator: who adds, promotes, replaces, moves and removes members while the cluster runs, through
// the production door (Member::ChangeMembers) of any member, one errand after the other; and whose
// machines lose a whole disk now and then. Whoever lost it is replaced, before anything else.
//
// What the cluster answers is held against what becomes of it:
//   - a change that was acknowledged is in the list that comes with the answer, and stays
//   - a member that was refused never becomes one
//   - nobody is told to stop but who was removed, or came back without its data
//   - whoever votes and lost its data is talked to by nobody who votes (Greeted); one that has only
//     just joined may not know it yet, and who is out by now does no harm
// When an answer is lost or leaves it open, the list is read (linearizably), and the change is
// asked for again. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/random.h"
#include "tests/sim/settings.h"
#include "tests/sim/sim_member.h"

namespace pintle::sim {

class Operator {
 public:
  static constexpr size_t kMostMembers = 7;

  struct Doors {
    // A machine with an empty disk, which is none of the members yet.
    std::function<SimMember&(SimMember::Start)> new_machine;
    // It is one of them from now on, and is started; it is switched off, and its disk thrown away.
    std::function<void(SimMember&)> start;
    std::function<void(SimMember&)> retire;
    // What was acknowledged is still there if it loses its disk.
    std::function<bool(const SimMember&)> may_lose;
    // It votes in a configuration that may be in force.
    std::function<bool(const SimMember&)> votes;
    // What was done; `kind` is counted.
    std::function<void(const std::string& kind, const std::string& to)> tell;
    std::function<void(const absl::Status&)> check;
  };
  Operator(const Settings& settings, EventQueue& events, const Members& members, Doors doors);

  // Looks around every now and then, from now on.
  void Turn();
  // Begins an errand, unless one is under way.
  void Begin();
  // No new errands; but who was accepted is started, who lost its data is replaced, and the list is
  // told of who has moved.
  void Settle() { settling_ = true; }
  // Nothing is left to do: whoever runs is a member and the other way round, and where it listens
  // is in the list.
  bool settled() const { return !works() || (errand_ == nullptr && IsInOrder()); }
  // A member has stopped because it was told to.
  void Refused(SimMember& member, server::replica::Refusal refusal);
  // It would only be refused again.
  bool IsKeptDown(const SimMember& member) const { return lost_.contains(member.id()); }
  // Two of them have agreed to talk.
  void Greeted(const SimMember& from, const SimMember& to);

 private:
  using MemberChange = server::replica::MemberChange;
  using List = std::vector<server::replica::ClusterMember>;
  enum class End { kDone, kRefused, kGivenUp };
  struct Errand {
    MemberChange change;
    int tries = 0;
    bool open = false;  // an earlier try may have done it, or may still do it
    std::function<void(End)> then;
  };

  bool works() const { return settings_.change_every != absl::InfiniteDuration(); }
  void AddVoter();
  void AddLearner();
  void Promote(raft::MemberId learner, int tries);
  void Remove(SimMember& member);
  void Replace(SimMember& member);
  void Move(SimMember& member);
  void Wipe(SimMember& member, int tries);
  void Add(const char* kind, MemberChange change, std::function<void(SimMember&, End)> then);

  void Do(MemberChange change, std::function<void(End)> then);
  void Ask();
  void Answered(const absl::StatusOr<List>& list, bool was_open);
  void LookUp();
  void Finish(End end);
  void Later(absl::Duration delay, void (Operator::*step)());
  // Reads the list at some member; not called when that fails.
  void ReadList(std::function<void(const List&)> done);
  void CheckList(const List& list);
  void LookAround(const List& list);
  void TellOfMoves(const List& list);
  bool LookAfterLost();
  void Retire(SimMember& member);

  SimMember* Somebody();
  SimMember* Find(uint64_t id) const;
  bool IsInOrder() const;
  bool IsKnownToAll(const SimMember& member);
  std::string FreeUrl();
  static bool IsDone(const MemberChange& change, const List& list);
  std::string NameOf(const SimMember& member) const;

  const Settings& settings_;
  EventQueue& events_;
  const Members& members_;
  const Doors doors_;
  SimRandom random_;
  std::unique_ptr<Errand> errand_;
  uint64_t round_ = 0;  // counts steps of errands: what belongs to an earlier one comes too late
  bool settling_ = false;
  List list_;                                      // as it was read last
  std::map<raft::MemberId, SimMember*> machines_;  // made, and not started yet
  std::set<raft::MemberId> lost_;
  std::set<uint64_t> to_go_;                            // removal was asked for
  std::set<uint64_t> refused_;                          // never become members
  std::map<raft::MemberId, kv::Sequence> known_since_;  // its data-dir, by everybody
  std::vector<std::string> free_urls_;
  uint64_t urls_ = 0;
};

}  // namespace pintle::sim
