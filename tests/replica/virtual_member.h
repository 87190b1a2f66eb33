// VirtualMember: one member of a cluster that lives in one thread. It is production's Member; only
// threads, disk, clock and network are the test's. The clock stands still (nothing times out)
// unless the test lets it go.
//
// The test moves it a step at a time: inputs, one write of the log, one batch of apply. Crash()
// takes from the disk what was not synced and puts the store back to some earlier batch, as a power
// failure would (DESIGN 5.5).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kv/memory_backend.h"
#include "server/replica/member.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::server::replica {

class SeededRandom final : public raft::Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  uint64_t Next() override { return engine_(); }
  uint64_t Below(uint64_t limit) { return engine_() % limit; }
  bool OneIn(uint64_t count) { return Below(count) == 0; }

 private:
  std::mt19937_64 engine_;
};

// Goes on only when the test says so.
class StandingClock final : public Clock {
 public:
  absl::Time Now() const override { return now_; }
  void Advance(absl::Duration how_far) { now_ += how_far; }

 private:
  absl::Time now_ = absl::UnixEpoch();
};

// Keeps what is sent for the test to deliver.
class Outbox final : public PeerTransport {
 public:
  absl::Status Start(PeerSelf, Callbacks) override { return absl::OkStatus(); }
  void Stop() override {}
  void Send(std::vector<raft::Message> messages) override {
    for (auto& message : messages) messages_.push_back(std::move(message));
  }
  void SetPeers(PeerSet) override {}
  void Ask(raft::MemberId to, PeerQuestion question, absl::Duration, AskDone done) override {
    if (question.topic == PeerTopic::kReport) reports_.push_back({to, std::move(question.body)});
    done(absl::UnavailableError("no network"));
  }
  Stats stats() const override { return {}; }
  std::vector<raft::Message> TakeAll() { return std::exchange(messages_, {}); }
  struct Report {
    raft::MemberId to;
    std::string body;
  };
  std::vector<Report> TakeReports() { return std::exchange(reports_, {}); }

 private:
  std::vector<raft::Message> messages_;
  std::vector<Report> reports_;
};

// Keeps in `flushed` what it held at the last Flush. A mark in its folder tells it from a store
// that was removed. Fails as its disk does: no room for what is written, or damage in what is read.
class FlushedBackend final : public kv::Backend {
 public:
  FlushedBackend(storage::FileSystem& disk, std::string folder,
                 std::unique_ptr<kv::MemoryBackend>& flushed, std::set<FlushedBackend*>& open,
                 const bool& room);
  ~FlushedBackend() override { open_.erase(this); }

  absl::Status Apply(const kv::BackendBatch& batch) override;
  absl::StatusOr<std::string> Get(std::string_view key) const override {
    if (damaged_) return absl::DataLossError("a bad block");
    return now_->Get(key);
  }
  absl::Status Scan(
      std::string_view first, std::string_view last,
      const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    if (damaged_) return absl::DataLossError("a bad block");
    return now_->Scan(first, last, visit);
  }
  kv::MemoryBackend& content() { return *now_; }
  void Damage() { damaged_ = true; }
  kv::Sequence durable_sequence() const override { return durable_; }
  absl::Status Flush() override;
  std::unique_ptr<const kv::BackendReader> NewSnapshot() const override {
    return now_->NewSnapshot();
  }

 private:
  storage::FileSystem& disk_;
  const std::string folder_;
  std::unique_ptr<kv::MemoryBackend>& flushed_;
  std::set<FlushedBackend*>& open_;
  const bool& room_;
  bool damaged_ = false;
  std::unique_ptr<kv::MemoryBackend> now_;
  kv::Sequence durable_;
};

class VirtualMember {
 public:
  VirtualMember(raft::MemberId id, std::vector<raft::MemberId> voters, uint64_t seed,
                LogRetention retention);
  ~VirtualMember() { Crash(); }

  void Start();  // also after a Crash
  // From the next start on: --force-new-cluster.
  void ForceAlone() { force_alone_ = true; }
  absl::Status TryStart();
  void Crash();
  bool running() const { return member_ != nullptr; }

  // Inputs. Waiters are dropped unanswered by a crash, as a client's connection would be.
  void Tick();
  void Receive(const raft::Message& message);
  void Propose(RequestKind kind, std::string body, LocalMember::ProposeDone done);
  // Straight into the leader's log, as a newer version might.
  void ProposeRaw(raft::Payload payload);
  void Read(LocalMember::ReadDone done);
  void HandOver();
  void SeeEndOf(raft::MemberId peer);  // its process ended
  // Only a leader is reached so.
  void KeepAlive(kv::LeaseId id, LocalMember::KeepAliveDone done);
  void TimeToLive(kv::LeaseId id, LocalMember::TimeToLiveDone done);
  void Change(MemberChange change, LocalMember::MembersDone done);

  // Work. False: there was nothing to do.
  bool WriteLog();
  bool ApplyBatch();
  bool MoveSnapshots();

  std::vector<raft::Message> TakeMessages() { return outbox_.TakeAll(); }
  std::vector<Outbox::Report> TakeReports() { return outbox_.TakeReports(); }
  void HearReport(const std::string& body);
  void PassTime(absl::Duration time) { clock_.Advance(time); }

  // The store's disk.
  void SetRoom(bool room) { room_ = room; }
  void DamageStore();
  void FlushStore();
  // What is on it, also while nobody has it open.
  void RewriteStore(const std::function<void(kv::MemoryBackend&)>& rewrite);

  storage::MemoryFileSystem& disk() { return disk_; }
  bool waits_for_room() { return member_->log_writer().waits_for_room(); }
  raft::MemberId id() const { return id_; }
  const Replica& replica() const { return member_->replica(); }
  const kv::Store& store() const { return member_->store(); }
  std::vector<ClusterMember> members() const { return member_->members(); }
  std::optional<std::string> UserOfToken(std::string_view token) {
    return member_->UserOfToken(token);
  }
  bool usable() const { return member_->store_usable(); }
  raft::Index applied_index() const { return raft::Index(member_->status().applied_index); }

 private:
  MemberOptions Options();
  void Turn();

  const raft::MemberId id_;
  const std::vector<raft::MemberId> voters_;
  const LogRetention retention_;
  SeededRandom random_;
  StandingClock clock_;
  Outbox outbox_;
  storage::MemoryFileSystem disk_;
  // By folder: what a crash leaves of a store.
  std::map<std::string, std::unique_ptr<kv::MemoryBackend>> flushed_;
  std::set<FlushedBackend*> open_;
  bool room_ = true;
  bool crashing_ = false;
  bool force_alone_ = false;
  std::unique_ptr<Member> member_;
};

}  // namespace pintle::server::replica
