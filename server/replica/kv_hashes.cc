#include "server/replica/kv_hashes.h"

#include <algorithm>
#include <utility>

#include "kv/errors.h"
#include "server/replica/errors.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kSliceBytes = size_t{512} << 10;
constexpr int kMaxOvertaken = 8;

absl::Status StepOf(auto& work) {
  return std::visit([](auto& hash) { return hash->Step(kSliceBytes); }, work);
}

bool IsDone(const auto& work) {
  return std::visit([](const auto& hash) { return hash->done(); }, work);
}

KvHashes::Answer ResultOf(const kv::KvHash& hash) {
  return {.hash = hash.hash(),
          .compact_revision = hash.span().compact_revision,
          .hash_revision = hash.span().revision};
}

KvHashes::Answer ResultOf(const kv::ContentHash& hash) {
  return {.hash = static_cast<uint32_t>(hash.hash() ^ (hash.hash() >> 32))};
}

}  // namespace

void KvHashes::Compacted(const kv::ReadView& view, kv::KvHash::Span span) {
  auto hash = view.StartKvHash(span);
  if (!hash.ok()) return;
  auto job = std::make_shared<Job>();
  job->work = *std::move(hash);
  job->remember = true;
  Begin(std::move(job));
}

void KvHashes::HashKv(int64_t revision, Done done) {
  if (revision > 0 && FindRemembered(revision, done)) return;
  for (int i = 0; i < kMaxOvertaken; ++i) {
    const std::shared_ptr<const kv::ReadView> view = doors_.view();
    if (revision > 0 && revision < view->compact_revision()) return done(kv::ErrCompacted());
    if (revision > view->revision()) return done(kv::ErrFutureRevision());
    auto hash = view->StartKvHash({.compact_revision = view->compact_revision(),
                                   .revision = revision == 0 ? view->revision() : revision});
    if (kv::IsCompacted(hash.status())) continue;
    if (!hash.ok()) return done(hash.status());
    auto job = std::make_shared<Job>();
    job->work = *std::move(hash);
    job->waiting.push_back(std::move(done));
    return Begin(std::move(job));
  }
  done(ErrTimeout());
}

void KvHashes::HashAll(Done done) {
  auto job = std::make_shared<Job>();
  job->work = doors_.view()->StartContentHash();
  job->waiting.push_back(std::move(done));
  Begin(std::move(job));
}

bool KvHashes::FindRemembered(int64_t revision, Done& done) {
  std::unique_lock lock(mutex_);
  const auto known = std::ranges::find(remembered_, revision, &Answer::hash_revision);
  if (known != remembered_.end()) {
    Answer answer = *known;
    lock.unlock();
    answer.revision = doors_.view()->revision();
    done(answer);
    return true;
  }
  for (const std::shared_ptr<Job>& job : jobs_) {
    if (!job->remember ||
        std::get<std::unique_ptr<kv::KvHash>>(job->work)->span().revision != revision) {
      continue;
    }
    if (job->waiting.size() == kMostJobs) return false;
    job->waiting.push_back(std::move(done));
    return true;
  }
  return false;
}

void KvHashes::Begin(std::shared_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() < kMostJobs) {
      jobs_.push_back(std::move(job));
      job = nullptr;
    }
  }
  if (job == nullptr) return doors_.wake();
  for (Done& done : job->waiting) done(ErrTooManyRequests());
}

bool KvHashes::Step() {
  std::shared_ptr<Job> job;
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty()) return false;
    job = jobs_.front();
  }
  const absl::Status status = StepOf(job->work);
  if (!status.ok() || IsDone(job->work)) Finish(job.get(), status);
  const std::lock_guard lock(mutex_);
  return !jobs_.empty();
}

void KvHashes::Finish(const Job* job, const absl::Status& status) {
  Answer answer;
  if (status.ok()) answer = std::visit([](const auto& hash) { return ResultOf(*hash); }, job->work);
  std::vector<Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty() || jobs_.front().get() != job) return;  // dropped meanwhile
    waiting = std::move(jobs_.front()->waiting);
    jobs_.pop_front();
    if (job->remember && status.ok()) Remember(answer);
  }
  if (absl::IsDataLoss(status)) doors_.damaged(status);
  answer.revision = doors_.view()->revision();
  for (Done& done : waiting) {
    if (status.ok()) {
      done(answer);
    } else {
      done(status);
    }
  }
}

void KvHashes::Remember(const Answer& answer) {
  remembered_.push_back(answer);
  std::ranges::sort(remembered_, {}, &Answer::hash_revision);
  if (remembered_.size() > kMostRemembered) remembered_.erase(remembered_.begin());
}

void KvHashes::DropAll(const absl::Status& why) {
  std::deque<std::shared_ptr<Job>> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
    remembered_.clear();
  }
  for (const std::shared_ptr<Job>& job : jobs) {
    for (Done& done : std::exchange(job->waiting, {})) done(why);
  }
}

}  // namespace pintle::server::replica
