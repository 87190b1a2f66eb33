// VirtualMember: one member of a cluster that lives in one thread. It is production's Member; only
// threads, disk, clock and network are the test's. The clock stands still: nothing times out.
//
// The test moves it a step at a time: inputs, one write of the log, one batch of apply. Crash()
// takes from the disk what was not synced and puts the store back to some earlier batch, as a power
// failure would (DESIGN 5.5).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
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

class StandingClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch(); }
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
  void Ask(raft::MemberId, PeerQuestion, absl::Duration, AskDone done) override {
    done(absl::UnavailableError("no network"));
  }
  Stats stats() const override { return {}; }
  std::vector<raft::Message> TakeAll() { return std::exchange(messages_, {}); }

 private:
  std::vector<raft::Message> messages_;
};

class VirtualMember {
 public:
  VirtualMember(raft::MemberId id, std::vector<raft::MemberId> voters, uint64_t seed);
  ~VirtualMember() { Crash(); }

  void Start();  // also after a Crash
  void Crash();
  bool running() const { return member_ != nullptr; }

  // Inputs. Waiters are dropped unanswered by a crash, as a client's connection would be.
  void Tick();
  void Receive(const raft::Message& message);
  void Propose(RequestKind kind, std::string body, LocalMember::ProposeDone done);
  void Read(LocalMember::ReadDone done);
  void HandOver();

  // Work. False: there was nothing to do.
  bool WriteLog();
  bool ApplyBatch();

  std::vector<raft::Message> TakeMessages() { return outbox_.TakeAll(); }

  storage::MemoryFileSystem& disk() { return disk_; }
  bool waits_for_room() { return member_->log_writer().waits_for_room(); }
  raft::MemberId id() const { return id_; }
  const Replica& replica() const { return member_->replica(); }
  const kv::Store& store() const { return member_->store(); }
  raft::Index applied_index() const { return raft::Index(member_->status().applied_index); }

 private:
  MemberOptions Options();
  void Turn();

  const raft::MemberId id_;
  const std::vector<raft::MemberId> voters_;
  SeededRandom random_;
  StandingClock clock_;
  Outbox outbox_;
  storage::MemoryFileSystem disk_;
  kv::MemoryBackend* backend_ = nullptr;        // the running member's
  std::unique_ptr<kv::MemoryBackend> flushed_;  // what a crash leaves of it
  bool crashing_ = false;
  std::unique_ptr<Member> member_;
};

}  // namespace pintle::server::replica
