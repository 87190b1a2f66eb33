// Clients: what users do to the cluster, and the check of every answer.
//
// A caller does one call after the other, each at a member of its choice: puts, guarded updates,
// transactions of several keys, deletes, linearizable and serializable reads, reads of the past,
// compactions. A call without an answer is given up after a while, and is unknown. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/history/history.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/random.h"
#include "tests/sim/settings.h"
#include "tests/sim/sim_member.h"
#include "tests/sim/watchers.h"

namespace pintle::sim {

class Clients {
 public:
  Clients(const Settings& settings, EventQueue& events, Members& members, history::History& history,
          Watchers& watchers, std::function<void(const absl::Status&)> check);

  void Start();
  // No new calls; those under way may still be answered.
  void Stop() { stopped_ = true; }

  // One put and one linearizable read at that member, for the liveness phase. True in `done` once
  // both were answered well; they are tried again until then.
  void Probe(SimMember& member, const std::shared_ptr<bool>& done);

  uint64_t calls() const { return calls_; }
  uint64_t answered() const { return answered_; }

 private:
  struct Call;
  void NextCall(size_t client);
  void Begin(size_t client);
  void Put(const std::shared_ptr<Call>& call);
  void GuardedUpdate(const std::shared_ptr<Call>& call);
  void UpdateSeveral(const std::shared_ptr<Call>& call);
  void PutAndReadPast(const std::shared_ptr<Call>& call);
  void Delete(const std::shared_ptr<Call>& call);
  void LinearizableRead(const std::shared_ptr<Call>& call);
  void SerializableRead(const std::shared_ptr<Call>& call);
  void ReadPast(const std::shared_ptr<Call>& call);
  void Compact(const std::shared_ptr<Call>& call);
  void Propose(const std::shared_ptr<Call>& call, server::replica::RequestKind kind,
               std::string body);
  void Answer(Call& call, const absl::StatusOr<server::replica::Applied>& applied);
  void AnswerChange(const Call& call, const server::replica::Applied& applied);
  void CheckView(const Call& call, const kv::ReadView& view, bool linearizable);
  // False: given up, or from a process that is gone.
  bool Takes(Call& call);
  std::string NewValue(const char* kind) { return absl::StrCat(kind, ++values_); }
  int64_t SomeRevision();

  const Settings& settings_;
  EventQueue& events_;
  Members& members_;
  history::History& history_;
  Watchers& watchers_;
  const std::function<void(const absl::Status&)> check_;
  SimRandom random_;
  bool stopped_ = false;
  uint64_t calls_ = 0;
  uint64_t answered_ = 0;
  uint64_t values_ = 0;
};

}  // namespace pintle::sim
