#include "tests/raft/cluster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/raft/describe.h"

namespace pintle::raft {
namespace {

std::vector<MemberId> Ids(size_t size) {
  std::vector<MemberId> ids;
  for (size_t i = 1; i <= size; ++i) ids.emplace_back(i);
  return ids;
}

}  // namespace

uint64_t SeededRandom::Next() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

Cluster::Cluster(size_t size, Config config, const MakeRandom& make_random, Trace trace,
                 size_t voters)
    : config_(config),
      trace_(std::move(trace)),
      initial_{Ids(voters == 0 ? size : voters)},
      ids_(Ids(size)),
      checker_(initial_) {
  for (const MemberId id : ids_) {
    At(members_.try_emplace(id).first->first).random = make_random(id);
    StartNode(id);
  }
}

void Cluster::Check(const absl::Status& status) {
  if (!violation_.ok() || status.ok()) return;
  violation_ = status;
  trace_(absl::StrCat("VIOLATION ", std::string(status.message())));
}

MemberId Cluster::Leader() const {
  MemberId leader = kNoMember;
  for (const auto& [id, member] : members_) {
    if (member.node == nullptr || member.node->soft_state().role != Role::kLeader) continue;
    if (leader != kNoMember) return kNoMember;
    leader = id;
  }
  return leader;
}

void Cluster::StartNode(MemberId id) {
  Member& member = At(id);
  member.log = std::make_unique<MemoryLog>(member.disk_log);
  member.applied.assign(history_.begin(),
                        history_.begin() + static_cast<ptrdiff_t>(member.store_index.value()));
  RestoredState restored{member.disk_hard_state, ConfAt(member.store_index), member.store_index};
  if (!member.applied.empty()) restored.applied_term = member.applied.back().id.term;
  if (member.log_knows_members) restored.base_conf = ConfAt(member.disk_log.FirstIndex() - 1);
  Config config = config_;
  config.id = id;
  checker_.ObserveRestart(id, member.store_index);
  Check(checker_.ObserveDisk(id, member.disk_hard_state, member.disk_log));
  member.node = std::make_unique<RawNode>(config, restored, *member.log, *member.random);
  HandleReadys(id);
}

void Cluster::Input(MemberId id, const std::function<void(RawNode&)>& input) {
  if (!IsUp(id)) return;
  input(node(id));
  HandleReadys(id);
}

void Cluster::Tick(MemberId id) {
  ExpireSnapshots(id);
  Input(id, [](RawNode& node) {
    node.Tick();
    // A leader that can neither apply nor send snapshots is of little use.
    const bool leads = node.soft_state().role == Role::kLeader;
    if (leads && node.store_behind_log()) (void)node.TransferLeadership();
  });
}

void Cluster::LeaderGone(MemberId id, MemberId peer) {
  Input(id, [&](RawNode& node) { node.LeaderGone(peer); });
}

ConfChangeResult Cluster::ProposeConf(MemberId id, const ConfState& target,
                                      const std::string& context) {
  ConfChangeResult result{ConfChangeOutcome::kNotLeader, {}};
  Input(id, [&](RawNode& node) { result = node.ProposeConfChange(target, context); });
  return result;
}

TransferOutcome Cluster::Transfer(MemberId id, MemberId target) {
  TransferOutcome outcome = TransferOutcome::kNotLeader;
  Input(id, [&](RawNode& node) { outcome = node.TransferLeadership(target); });
  return outcome;
}

void Cluster::Campaign(MemberId id) {
  Input(id, [](RawNode& node) { node.Campaign(); });
}

ProposeResult Cluster::Propose(MemberId id, std::string payload) {
  ProposeResult result{ProposeOutcome::kNoLeader, {}};
  Input(id, [&](RawNode& node) {
    result = node.Propose(std::make_shared<const std::string>(std::move(payload)));
  });
  return result;
}

void Cluster::Read(MemberId id, ReadId read) {
  if (!IsUp(id)) return;
  reads_[read] = highest_commit_index_;
  Input(id, [&](RawNode& node) { node.ReadIndex(read); });
}

void Cluster::ReportUnreachable(MemberId id, MemberId peer) {
  Input(id, [&](RawNode& node) { node.ReportUnreachable(peer); });
}

void Cluster::HandleReadys(MemberId id) {
  Check(checker_.ObserveMember(node(id)));
  while (node(id).HasReady()) {
    HandleReady(id, node(id).TakeReady());
    Check(checker_.ObserveMember(node(id)));
  }
  highest_commit_index_ = std::max(highest_commit_index_, node(id).commit_index());
}

void Cluster::HandleReady(MemberId id, Ready ready) {
  Member& member = At(id);
  const std::string name = absl::StrCat(id.value());
  if (ready.soft_state.has_value()) {
    trace_(absl::StrCat(name, ": ", std::string(Describe(ready.soft_state->role)), " in term ",
                        member.node->term().value(), ", leader ", ready.soft_state->leader.value(),
                        ready.soft_state->handing_over ? ", handing over" : ""));
  }
  if (ready.conf_state.has_value()) {
    trace_(absl::StrCat(name, ": configuration ", Describe(*ready.conf_state)));
  }
  if (ready.log_base.has_value()) {
    trace_(absl::StrCat(name, ": log ", ready.log_base->reset ? "reset to " : "needed behind ",
                        Describe(ready.log_base->id)));
    if (ready.log_base->reset) member.log->Reset(ready.log_base->id);
  }
  Send(std::exchange(ready.messages_now, {}));
  HandleReads(id, ready);
  HandleApply(id, ready.committed_entries);
  member.log->Append(ready.entries);
  HandleSnapshots(id, ready);
  member.writes.push_back(std::move(ready));
  if (!member.slow_disk) Persist(id, member.writes.size());
}

void Cluster::HandleApply(MemberId id, const std::vector<Entry>& entries) {
  Member& member = At(id);
  Check(checker_.ObserveApplied(id, entries));
  for (const Entry& entry : entries) {
    trace_(absl::StrCat(id.value(), ": applies ", Describe(entry)));
    member.applied.push_back(entry);
    if (entry.id.index > Index{history_.size()}) history_.push_back(entry);
  }
  if (!entries.empty()) member.node->AppliedUpTo(entries.back().id.index);
}

void Cluster::HandleReads(MemberId id, const Ready& ready) {
  for (const ReadState& read : ready.read_states) {
    trace_(absl::StrCat(id.value(), ": read ", read.id.value(), " at index ",
                        read.read_index.value()));
    const auto waiting = reads_.find(read.id);
    if (waiting == reads_.end()) {
      Check(absl::InternalError(absl::StrCat("read ", read.id.value(), " answered twice")));
      continue;
    }
    if (read.read_index < waiting->second) {
      Check(absl::InternalError(absl::StrCat("read ", read.id.value(), " is stale")));
    }
    reads_.erase(waiting);
  }
  for (const ReadId read : ready.dropped_reads) {
    trace_(absl::StrCat(id.value(), ": read ", read.value(), " dropped"));
    if (reads_.erase(read) == 0) {
      Check(absl::InternalError(absl::StrCat("read ", read.value(), " dropped after its answer")));
    }
  }
}

void Cluster::Send(std::vector<Message> messages) {
  for (Message& message : messages) {
    Check(checker_.ObserveSent(message));
    network_.push_back(std::move(message));
  }
}

void Cluster::SetSlowDisk(MemberId id, bool slow) {
  At(id).slow_disk = slow;
  if (!slow) Persist(id, At(id).writes.size());
}

void Cluster::Sync(MemberId id, const Ready& write) {
  Member& member = At(id);
  if (write.hard_state.has_value()) member.disk_hard_state = *write.hard_state;
  if (write.log_base.has_value() && write.log_base->reset) {
    member.disk_log.Reset(write.log_base->id);
  }
  member.disk_log.Append(write.entries);
  Check(checker_.ObserveDisk(id, member.disk_hard_state, member.disk_log));
}

void Cluster::Persist(MemberId id, size_t count) {
  if (!IsUp(id)) return;
  Member& member = At(id);
  for (; count > 0 && !member.writes.empty(); --count) {
    Ready write = std::move(member.writes.front());
    member.writes.pop_front();
    Sync(id, write);
    Send(std::move(write.messages_after_persist));
    member.node->Persisted(write.number);
    Check(checker_.ObserveMember(*member.node));
  }
  HandleReadys(id);
}

void Cluster::Deliver(size_t position) {
  const Message message = std::move(network_[position]);
  network_.erase(network_.begin() + static_cast<ptrdiff_t>(position));
  const bool cut = cut_.contains({message.from, message.to});
  if (cut || !IsUp(message.to)) {
    trace_(absl::StrCat(Describe(message), " (lost)"));
    return;
  }
  trace_(Describe(message));
  Input(message.to, [&](RawNode& node) { node.Step(message); });
}

void Cluster::DeliverAll() {
  // A bound far above what any script needs: an endless exchange must end the test.
  for (int i = 0; i < 100'000 && !network_.empty(); ++i) Deliver(0);
  if (!network_.empty()) Check(absl::InternalError("the members never stop talking"));
}

void Cluster::Crash(MemberId id, size_t silently_synced) {
  Member& member = At(id);
  if (member.node == nullptr) return;
  for (size_t i = 0; i < silently_synced && i < member.writes.size(); ++i) {
    Sync(id, member.writes[i]);
  }
  member.writes.clear();
  member.node.reset();
  trace_(absl::StrCat(id.value(), ": down"));
}

void Cluster::Restart(MemberId id) {
  if (IsUp(id)) return;
  trace_(absl::StrCat(id.value(), ": up with term ", At(id).disk_hard_state.term.value(), ", last ",
                      At(id).disk_log.LastIndex().value()));
  StartNode(id);
}

void Cluster::Flush(MemberId id) { At(id).store_index = Index{At(id).applied.size()}; }

void Cluster::Compact(MemberId id, Index index) {
  Member& member = At(id);
  if (!IsUp(id)) return;
  Flush(id);
  index = std::min({index, member.store_index, member.disk_log.LastIndex(), member.log->LastIndex(),
                    member.node->persisted_index()});
  member.disk_log.Compact(index);
  member.log->Compact(index);
  Check(checker_.ObserveDisk(id, member.disk_hard_state, member.disk_log));
  Check(checker_.ObserveMember(*member.node));
}

void Cluster::Rewind(MemberId id, Index index) {
  Member& member = At(id);
  if (!IsUp(id) || member.applied.size() < index.value()) return;
  member.applied.resize(index.value());
  member.store_index = index;
  checker_.ObserveRewind(id, index);
  Input(id, [&](RawNode& node) { node.RewindApply(index); });
}

void Cluster::LoseStore(MemberId id, bool log_knows_members) {
  if (IsUp(id)) return;
  At(id).store_index = Index{0};
  At(id).log_knows_members = log_knows_members;
}

void Cluster::Damage(MemberId id, size_t entries, bool unknown) {
  Member& member = At(id);
  MemoryLog& log = member.disk_log;
  entries = std::min(entries, log.LastIndex() + 1 - log.FirstIndex());
  if (IsUp(id) || entries == 0) return;
  EntryId floor{*log.TermAt(log.LastIndex()), log.LastIndex()};
  if (unknown) floor = {member.disk_hard_state.term, kMaxIndex};
  log.TruncateSuffix(log.LastIndex() - entries);
  EntryId& before = member.disk_hard_state.vote_floor;
  before = std::max(before, floor);
  checker_.ObserveDamage(id);
  Check(checker_.ObserveDisk(id, member.disk_hard_state, log));
}

bool Cluster::IsDoubtful(MemberId id) const {
  const Member& member = At(id);
  const Index last = member.disk_log.LastIndex();
  return member.disk_hard_state.vote_floor > EntryId{*member.disk_log.TermAt(last), last};
}

bool Cluster::HasWholeStore(MemberId id) const {
  const Member& member = At(id);
  if (member.node != nullptr) return !member.node->store_behind_log();
  return member.store_index + 1 >= member.disk_log.FirstIndex();
}

void Cluster::SetDisk(MemberId id, const HardState& hard_state, const std::vector<Entry>& log) {
  Member& member = At(id);
  member.disk_hard_state = hard_state;
  member.disk_log = MemoryLog();
  member.disk_log.Append(log);
  checker_.ObserveRestart(id, Index{0});
  Check(checker_.ObserveDisk(id, hard_state, member.disk_log));
}

}  // namespace pintle::raft
