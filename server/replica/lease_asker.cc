#include "server/replica/lease_asker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/replica/errors.h"

namespace pintle::server::replica {

void LeaseAsker::Ask(LeaseQuestion question, Done done) {
  Try({question, parts_.clock.Now() + parts_.patience, std::move(done)});
}

void LeaseAsker::Try(Waiter waiter) {
  const raft::MemberId leader = parts_.leader();
  if (leader == raft::kNoMember || closed()) return Wait(std::move(waiter));
  if (leader == parts_.self) {
    const LeaseQuestion question = waiter.question;
    return parts_.own_answer(question,
                             [this, waiter = std::move(waiter)](const LeaseAnswer& own) mutable {
                               if (own.is_leader) return waiter.done(own);
                               Wait(std::move(waiter));
                             });
  }
  const absl::Duration left = waiter.deadline - parts_.clock.Now();
  const PeerQuestion question = EncodeLeaseQuestion(waiter.question);
  parts_.transport.Ask(
      leader, question, std::min(left, parts_.peer_patience),
      [this, waiter = std::move(waiter)](const absl::StatusOr<std::string>& body) mutable {
        LeaseAnswer answer;
        const bool answered = body.ok() && DecodeLeaseAnswer(*body, answer) && answer.is_leader;
        if (answered) return waiter.done(answer);
        Wait(std::move(waiter));
      });
}

bool LeaseAsker::closed() {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void LeaseAsker::Wait(Waiter waiter) {
  std::unique_lock lock(mutex_);
  if (!closed_ && waiting_.size() < kMostWaiting) {
    waiting_.push_back(std::move(waiter));
    return;
  }
  const bool closed = closed_;
  lock.unlock();
  waiter.done(closed ? ErrStopped() : ErrTooManyRequests());
}

void LeaseAsker::Retry() {
  std::vector<Waiter> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
  }
  if (waiting.empty()) return;
  const absl::Time now = parts_.clock.Now();
  for (Waiter& waiter : waiting) {
    if (waiter.deadline > now) {
      Try(std::move(waiter));
    } else {
      waiter.done(parts_.leader() == raft::kNoMember ? ErrNoLeader() : ErrTimeout());
    }
  }
}

void LeaseAsker::Close() {
  std::vector<Waiter> waiting;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    waiting.swap(waiting_);
  }
  for (Waiter& waiter : waiting) waiter.done(ErrStopped());
}

}  // namespace pintle::server::replica
