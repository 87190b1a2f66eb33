// Random histories, watchers that come, lag and go, compactions: what each was given is compared
// with a plain list of everything that happened.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/watch/apply_loop.h"

namespace pintle::watch::testing {
namespace {

constexpr int kSeeds = 30;
constexpr int kSteps = 400;

struct Modelled {
  SubscribeOptions options;
  int64_t first = 0;  // first revision that it must see
  std::unique_ptr<Watcher> watcher;
  std::vector<std::string> got;
  bool compacted = false;
  int64_t compact_revision = 0;  // of what ended it
};

class World {
 public:
  explicit World(uint32_t seed)
      : random_(seed), loop_({.window_bytes = Pick({1, 2000, 20'000, 1 << 20})}) {}

  void Run() {
    for (int step = 0; step < kSteps; ++step) {
      const uint32_t dice = random_() % 100;
      if (dice < 50) {
        Change();
      } else if (dice < 65) {
        Subscribe();
      } else if (dice < 92) {
        if (!watchers_.empty()) Pull(*watchers_[random_() % watchers_.size()]);
      } else if (dice < 97) {
        if (!watchers_.empty()) watchers_.erase(watchers_.begin() + Index());
      } else if (dice < 99) {
        Compact();
      } else {
        Replace();
      }
      if (::testing::Test::HasFatalFailure()) return;
    }
    for (auto& watcher : watchers_) Pull(*watcher, /*to_the_end=*/true);
  }

  // The store is replaced by an older one and catches up: by its log, or by a snapshot.
  void Replace() {
    const ApplyLoop::Saved now = loop_.Save();
    if (saved_.empty()) return saved_.push_back(now);
    const ApplyLoop::Saved old = saved_[random_() % saved_.size()];
    loop_.GoBackTo(old);
    while (!loop_.complete()) {
      for (auto& watcher : watchers_) {
        if (random_() % 30 == 0) PullBehind(*watcher);
      }
      if (::testing::Test::HasFatalFailure()) return;
      if (random_() % 20 == 0) {
        loop_.Install(now);
      } else {
        loop_.Replay(1 + random_() % 5);
      }
    }
    saved_.push_back(now);
  }

  // The store is behind what may have been delivered: whatever comes continues what was given.
  void PullBehind(Modelled& modelled) {
    for (bool more = true; more;) {
      Batch batch = modelled.watcher->subscription().Next(Pick({1, 500, 1 << 20}));
      if (batch.compacted) OnCompacted(modelled, batch);
      for (const Delivered& delivered : batch.events) modelled.got.push_back(Text(delivered));
      more = batch.more;
    }
    Check(modelled, /*complete=*/false);
  }

 private:
  size_t Pick(std::vector<size_t> choices) { return choices[random_() % choices.size()]; }
  std::ptrdiff_t Index() { return static_cast<std::ptrdiff_t>(random_() % watchers_.size()); }
  std::string Key() { return std::string(1, static_cast<char>('a' + random_() % 6)); }

  kv::KeyRange Range() {
    const std::string key = Key();
    switch (random_() % 3) {
      case 0:
        return {key, ""};
      case 1:
        return {key, std::string(1, '\0')};
      default:
        return {key, std::string(1, static_cast<char>(key[0] + 1 + random_() % 3))};
    }
  }

  kv::Command Command() {
    switch (random_() % 4) {
      case 0:
        return kv::DeleteRangeRequest{.range = Range()};
      case 1: {
        kv::TxnRequest txn;
        for (char key : {'a', 'c', 'e'}) {
          txn.success.push_back(kv::PutRequest{.key = std::string(1, key), .value = Value()});
        }
        return txn;
      }
      default:
        return kv::PutRequest{.key = Key(), .value = Value()};
    }
  }
  std::string Value() { return std::to_string(random_() % 1000); }

  void Change() {
    std::vector<kv::Command> batch;
    for (size_t n = 1 + random_() % 8; n > 0; --n) batch.push_back(Command());
    loop_.Apply(batch);
  }

  void Compact() {
    const auto view = loop_.store().view();
    const int64_t from = std::max<int64_t>(view->compact_revision() + 1, 1);
    if (from > view->revision()) return;
    loop_.Compact(from + static_cast<int64_t>(random_() %
                                              static_cast<uint64_t>(view->revision() - from + 1)));
  }

  void Subscribe() {
    auto modelled = std::make_unique<Modelled>();
    modelled->options = {
        .range = Range(), .want_puts = random_() % 8 != 0, .want_deletes = random_() % 8 != 0};
    if (random_() % 2 == 0) {
      modelled->options.start_revision =
          1 + static_cast<int64_t>(random_() % static_cast<uint64_t>(loop_.revision() + 10));
    }
    modelled->watcher = std::make_unique<Watcher>(loop_.hub(), modelled->options);
    ASSERT_EQ(modelled->watcher->created_at(), loop_.revision());
    const int64_t start = modelled->options.start_revision;
    modelled->first = start == 0 ? loop_.revision() + 1 : start;
    modelled->compacted = start != 0 && start < loop_.store().view()->compact_revision();
    if (modelled->compacted) modelled->compact_revision = loop_.store().view()->compact_revision();
    watchers_.push_back(std::move(modelled));
  }

  // It names the compaction that ended it, whatever was compacted since.
  void OnCompacted(Modelled& modelled, const Batch& batch) {
    if (modelled.compact_revision == 0)
      modelled.compact_revision = loop_.store().view()->compact_revision();
    ASSERT_EQ(batch.compact_revision, modelled.compact_revision);
    modelled.got.push_back("compacted");
  }

  void Pull(Modelled& modelled, bool to_the_end = false) {
    const size_t max_bytes = Pick({1, 500, 1 << 20});
    for (int64_t last = 0;;) {
      Batch batch = modelled.watcher->subscription().Next(max_bytes);
      if (batch.compacted) {
        OnCompacted(modelled, batch);
        if (::testing::Test::HasFatalFailure()) return;
      }
      for (const Delivered& delivered : batch.events) {
        modelled.got.push_back(Text(delivered));
      }
      if (!batch.events.empty()) {
        ASSERT_GT(batch.events.front().event->revision.main, last) << "a revision was split";
        last = batch.events.back().event->revision.main;
      }
      if (!batch.more) break;
      if (!to_the_end && random_() % 10 == 0) return Check(modelled, /*complete=*/false);
    }
    Check(modelled, /*complete=*/true);
  }

  void Check(const Modelled& modelled, bool complete) {
    std::vector<std::string> expected;
    for (const kv::Event& event : loop_.history()) {
      if (event.revision.main < modelled.first) continue;
      if (!modelled.options.range.Contains(event.key)) continue;
      const bool put = event.type == kv::EventType::kPut;
      if (!(put ? modelled.options.want_puts : modelled.options.want_deletes)) continue;
      Delivered delivered{.event = std::make_shared<const kv::Event>(event)};
      expected.push_back(Text(delivered));
    }
    std::vector<std::string> got = modelled.got;
    const bool ended = !got.empty() && got.back() == "compacted";
    while (!got.empty() && got.back() == "compacted") got.pop_back();
    if (modelled.compacted) {
      ASSERT_TRUE(ended || !complete);
      ASSERT_TRUE(got.empty());
      return;
    }
    ASSERT_LE(got.size(), expected.size());
    if (complete && !ended) {
      ASSERT_EQ(got, expected);
      const int64_t synced = modelled.watcher->synced();
      ASSERT_EQ(synced, modelled.first > loop_.revision() + 1 ? -1 : loop_.revision());
    }
    if (!ended) CheckProgress(modelled, expected, got.size());
    expected.resize(got.size());
    ASSERT_EQ(got, expected);
  }

  // What is said to be complete has been given, and has happened.
  void CheckProgress(const Modelled& modelled, const std::vector<std::string>& expected,
                     size_t got) {
    const int64_t synced = modelled.watcher->synced();
    ASSERT_GE(synced, -1);
    if (synced < 0) return;
    ASSERT_GE(synced, modelled.first - 1);
    ASSERT_LE(synced, std::max(loop_.history().empty() ? 1 : loop_.history().back().revision.main,
                               loop_.revision()));
    if (got == expected.size()) return;
    const std::string& missing = expected[got];
    ASSERT_GT(std::stoll(missing.substr(missing.rfind('@') + 1)), synced) << missing;
  }

  std::mt19937 random_;
  ApplyLoop loop_;
  std::vector<std::unique_ptr<Modelled>> watchers_;
  std::vector<ApplyLoop::Saved> saved_;
};

TEST(WatchModelTest, EveryWatcherGetsItsPartOfHistory) {
  for (uint32_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World(seed).Run();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace pintle::watch::testing
