#include "raft/progress.h"

#include <algorithm>

#include "base/check.h"

namespace pintle::raft {

void Inflights::Add(Index last_index, size_t bytes) {
  PINTLE_CHECK(!Full(), "sends beyond the window");
  messages_.push_back({last_index, bytes});
  bytes_ += bytes;
}

void Inflights::FreeTo(Index index) {
  while (!messages_.empty() && messages_.front().last_index <= index) {
    bytes_ -= messages_.front().bytes;
    messages_.pop_front();
  }
}

void Inflights::Clear() {
  messages_.clear();
  bytes_ = 0;
}

bool Progress::WantsAppend(Index last_index, Index commit_index) const {
  if (state_ == ProgressState::kSnapshot) return false;
  if (state_ == ProgressState::kProbe) return !probe_sent_;
  if (nudge_) return true;
  if (next_index_ <= last_index && !inflights_.Full()) return true;
  // It can only commit what it was sent.
  return sent_commit_index_ < std::min(commit_index, next_index_ - 1);
}

size_t Progress::AppendBudget(const Config& config) const {
  if (state_ == ProgressState::kProbe) return config.max_append_bytes;
  return inflights_.Full() ? 0 : std::min(config.max_append_bytes, inflights_.bytes_left());
}

void Progress::Sent(size_t count, size_t bytes, Index commit_index) {
  nudge_ = false;
  if (state_ == ProgressState::kProbe) {
    // next_index stays: the probe is repeated until it is answered.
    probe_sent_ = true;
    sent_commit_index_ = std::min(commit_index, next_index_ - 1 + count);
    return;
  }
  next_index_ = next_index_ + count;
  if (count > 0) inflights_.Add(next_index_ - 1, bytes);
  sent_commit_index_ = std::max(sent_commit_index_, std::min(commit_index, next_index_ - 1));
}

bool Progress::Acknowledged(Index index) {
  const bool news = index > match_index_;
  match_index_ = std::max(match_index_, index);
  next_index_ = std::max(next_index_, index + 1);
  if (state_ == ProgressState::kReplicate) {
    inflights_.FreeTo(index);
    return news;
  }
  if (state_ == ProgressState::kSnapshot) {
    // From a snapshot older than the one under way, or from before it: not enough to go on.
    if (index < snapshot_index_) return news;
    snapshot_index_ = Index{0};
    snapshot_asked_ = false;
  }
  // A probe is answered by its own acknowledgement or by any later one; an old one says nothing
  // about agreement at next_index - 1.
  if (!news && index + 1 < next_index_) return false;
  state_ = ProgressState::kReplicate;
  next_index_ = match_index_ + 1;
  probe_sent_ = false;
  return news;
}

void Progress::Lost(Index rejected, Index possible_match) {
  if (state_ == ProgressState::kSnapshot || possible_match >= rejected) return;
  match_index_ = std::min(match_index_, possible_match);
  BecomeProbe();
  next_index_ = possible_match + 1;
}

bool Progress::Rejected(Index rejected, Index possible_match) {
  if (state_ == ProgressState::kSnapshot) return false;
  if (state_ == ProgressState::kReplicate) {
    if (rejected <= match_index_) return false;
    BecomeProbe();
    return true;
  }
  if (rejected != next_index_ - 1) return false;
  next_index_ = std::max(std::min(rejected, possible_match + 1), match_index_ + 1);
  sent_commit_index_ = match_index_;
  probe_sent_ = false;
  return true;
}

void Progress::HeartbeatAnswered(Index last_index, bool doubtful) {
  probe_sent_ = false;
  doubtful_ = doubtful;
  if (snapshot_paused_) snapshot_paused_ = snapshot_asked_ = false;
  if (state_ == ProgressState::kReplicate && (doubtful || match_index_ < last_index)) nudge_ = true;
}

void Progress::BecomeProbe() {
  state_ = ProgressState::kProbe;
  next_index_ = match_index_ + 1;
  sent_commit_index_ = match_index_;
  probe_sent_ = false;
  nudge_ = false;
  inflights_.Clear();
}

PeerStatus Progress::GetStatus(MemberId id) const {
  PeerStatus status;
  status.id = id;
  status.state = state_;
  status.match_index = match_index_;
  status.next_index = next_index_;
  status.recently_active = recently_active_;
  status.inflight_messages = inflights_.messages();
  status.inflight_bytes = inflights_.bytes();
  status.snapshot_index = snapshot_index_;
  status.store_needs_snapshot = store_needs_snapshot_;
  return status;
}

}  // namespace pintle::raft
