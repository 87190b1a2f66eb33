// VirtualMember: one member of a cluster that lives in one thread. Everything in it is production
// code (Replica, Applier, Wal, store, hub); only threads, disks and network are the test's.
//
// The test moves it a step at a time: inputs, one write of the log, one batch of apply. Crash()
// takes from the disk what was not synced and puts the store back to some earlier batch, as a power
// failure would (DESIGN 5.5).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kv/memory_backend.h"
#include "server/replica/applier.h"
#include "server/replica/replica.h"
#include "server/storage/wal.h"
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

class VirtualMember {
 public:
  VirtualMember(raft::MemberId id, std::vector<raft::MemberId> voters, uint64_t seed);

  void Start();  // also after a Crash
  void Crash();
  bool running() const { return live_ != nullptr; }

  // Inputs. Waiters are dropped unanswered by a crash, as a client's connection would be.
  void Tick();
  void Receive(const raft::Message& message);
  void Propose(uint64_t request_id, RequestKind kind, std::string body, Proposals::Done done);
  void Read(ReadGate::Done done);

  // Work. False: there was nothing to do.
  bool WriteLog();
  bool ApplyBatch();

  std::vector<raft::Message> TakeMessages();

  raft::MemberId id() const { return id_; }
  const Replica& replica() const { return live_->replica; }
  const kv::Store& store() const { return *live_->store; }
  raft::Index applied_index() const { return live_->applied_index; }

 private:
  struct Proposed {
    uint64_t id = 0;
    raft::Payload payload;
  };
  struct Live {
    Live(VirtualMember& member, std::unique_ptr<storage::Wal> opened,
         const storage::WalContents& contents);
    std::unique_ptr<storage::Wal> wal;
    std::unique_ptr<kv::Store> store;
    std::unique_ptr<watch::Hub> hub;
    Cluster cluster;
    Lessor lessor;
    Proposals proposals;
    ReadGate reads;
    Applier applier;
    Replica replica;
    raft::Index applied_index;
    std::deque<PersistJob> persist;
    std::deque<std::vector<raft::Entry>> apply;
    std::deque<Proposed> unsent;
    uint64_t last_read = 0;
  };

  void Offer(Proposed proposed);
  void OfferUnsent();
  void BeginReads();
  void TakeWork();

  const raft::MemberId id_;
  const std::vector<raft::MemberId> voters_;
  SeededRandom random_;
  storage::MemoryFileSystem disk_;
  std::unique_ptr<kv::MemoryBackend> backend_ = std::make_unique<kv::MemoryBackend>();
  std::unique_ptr<kv::MemoryBackend> flushed_;  // what a crash leaves of it
  std::unique_ptr<Live> live_;
  std::vector<raft::Message> sent_;
};

}  // namespace pintle::server::replica
