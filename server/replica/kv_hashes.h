// KvHashes: what is answered to HashKV and Hash, made in slices so that nobody waits for a long
// read; and, as etcd has it, the hashes of past compactions (etcd-api 1.5).
//
// Every compaction at R begins the hash of what was readable up to R just before it. Once that is
// made it is remembered (the newest kMostRemembered), and HashKV(R) says the same after the
// compaction as before, on every member. What was not asked for and is not remembered is made of
// what is there.
//
// Threads: Compacted from apply, Step from the snapshot thread, the rest from any; one mutex, held
// neither while reading nor while answering. Owner: Member. Bound: kMostJobs; beyond, what a
// compaction would have left is not made, and who asks is answered ErrTooManyRequests.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "kv/content_hash.h"
#include "kv/read_view.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

class KvHashes {
 public:
  static constexpr size_t kMostRemembered = 10;
  static constexpr size_t kMostJobs = 64;

  using Answer = LocalMember::KvHashAnswer;
  using Done = LocalMember::HashKvDone;
  struct Doors {
    std::function<std::shared_ptr<const kv::ReadView>()> view;
    // Step is to be called soon.
    std::function<void()> wake;
    // A read found damage.
    std::function<void(const absl::Status&)> damaged;
  };
  explicit KvHashes(Doors doors) : doors_(std::move(doors)) {}

  // `view` is the first one after it, and nothing of it is deleted yet.
  void Compacted(const kv::ReadView& view, kv::KvHash::Span span);
  // revision 0: the newest. Errors: ErrCompacted, ErrFutureRevision.
  void HashKv(int64_t revision, Done done);
  // Of everything that is stored.
  void HashAll(Done done);

  // One slice. True while there is more to do.
  bool Step();

  // Nothing is remembered or made any more (the store has another content, or ends); who waits is
  // answered `why`.
  void DropAll(const absl::Status& why);

 private:
  struct Job {
    std::variant<std::unique_ptr<kv::KvHash>, std::unique_ptr<kv::ContentHash>> work;
    bool remember = false;  // a compaction's
    std::vector<Done> waiting;
  };

  void Begin(std::shared_ptr<Job> job);
  bool FindRemembered(int64_t revision, Done& done);
  void Remember(const Answer& answer);
  void Finish(const Job* job, const absl::Status& status);

  const Doors doors_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Job>> jobs_;  // the first one is under way
  std::vector<Answer> remembered_;         // by revision
};

}  // namespace pintle::server::replica
