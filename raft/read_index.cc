#include "raft/read_index.h"

#include <algorithm>
#include <utility>

#include "base/canary.h"

namespace pintle::raft {

bool LeaderReads::Add(PendingRead read) {
  if (size_ >= max_reads_) return false;
  gathered_.push_back(read);
  ++size_;
  return true;
}

void LeaderReads::Start(Index commit_index) {
  if (last_round_ == ReadRound{0} || !PINTLE_CANARY("read_round_reused")) ++last_round_;
  rounds_.push_back({last_round_, {commit_index, std::move(gathered_)}});
  gathered_.clear();
}

void LeaderReads::Acknowledged(MemberId member, ReadRound round) {
  // A round that was not started is nonsense, and must not confirm a later one.
  if (round > last_round_) return;
  ReadRound& highest = acknowledged_[member];
  highest = std::max(highest, round);
}

std::vector<LeaderReads::Confirmed> LeaderReads::TakeConfirmed(const Quorum& quorum,
                                                               MemberId self) {
  std::vector<Confirmed> confirmed;
  if (rounds_.empty()) return confirmed;
  Acknowledged(self, last_round_);
  const ReadRound reached{quorum.Acked([this](MemberId member) {
    const auto found = acknowledged_.find(member);
    return found == acknowledged_.end() ? 0 : found->second.value();
  })};
  while (!rounds_.empty() && rounds_.front().number <= reached) {
    size_ -= rounds_.front().what.reads.size();
    confirmed.push_back(std::move(rounds_.front().what));
    rounds_.pop_front();
  }
  return confirmed;
}

std::vector<ReadId> LeaderReads::OwnReads() const {
  std::vector<ReadId> own;
  const auto collect = [&own](const std::vector<PendingRead>& reads) {
    for (const PendingRead& read : reads) {
      if (const ReadId* id = std::get_if<ReadId>(&read)) own.push_back(*id);
    }
  };
  for (const Round& round : rounds_) collect(round.what.reads);
  collect(gathered_);
  return own;
}

bool FollowerReads::Add(ReadId id) {
  if (size_ >= max_reads_) return false;
  gathered_.push_back(id);
  ++size_;
  return true;
}

void FollowerReads::Asked(RequestId id) {
  requests_.push_back({id, 0, std::move(gathered_)});
  gathered_.clear();
}

std::vector<ReadId> FollowerReads::TakeAnswered(RequestId id) {
  const auto found = std::ranges::find(requests_, id, &Request::id);
  if (found == requests_.end()) return {};
  std::vector<ReadId> reads = std::move(found->reads);
  requests_.erase(found);
  size_ -= reads.size();
  return reads;
}

std::vector<ReadId> FollowerReads::TakeExpired() {
  std::vector<ReadId> expired;
  for (Request& request : requests_) ++request.waited_ticks;
  while (!requests_.empty() && requests_.front().waited_ticks >= patience_ticks_) {
    const std::vector<ReadId>& reads = requests_.front().reads;
    expired.insert(expired.end(), reads.begin(), reads.end());
    size_ -= reads.size();
    requests_.pop_front();
  }
  return expired;
}

std::vector<ReadId> FollowerReads::All() const {
  std::vector<ReadId> all;
  for (const Request& request : requests_) {
    all.insert(all.end(), request.reads.begin(), request.reads.end());
  }
  all.insert(all.end(), gathered_.begin(), gathered_.end());
  return all;
}

}  // namespace pintle::raft
