// The apply thread's turn, without the replica: a real store on memory, and a hub that is told
// before the store publishes.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kv/memory_backend.h"
#include "kv/store.h"
#include "watch/hub.h"

namespace pintle::watch::testing {

class ApplyLoop {
 public:
  explicit ApplyLoop(HubOptions options = {}) {
    auto opened = kv::Store::Open(backend_, {});
    EXPECT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    hub_ = Hub::Create(options, [this] { return store_->view(); });
  }

  Hub& hub() { return *hub_; }
  kv::Store& store() { return *store_; }
  int64_t revision() const { return store_->view()->revision(); }

  // One batch; every command must succeed. Everything before it is applied first.
  void Apply(const std::vector<kv::Command>& commands) {
    Replay(log_.size());
    log_.push_back(commands);
    ApplyOne(commands);
  }

  // The same for one command, which may fail.
  absl::StatusOr<kv::CommandResult> Try(
      const kv::Command& command, const kv::auth::Caller& caller = kv::auth::Caller::Cluster()) {
    kv::ApplyResult applied = store_->ApplyFor(caller, command);
    EXPECT_TRUE(store_->Write(kv::Sequence(++sequence_), 1).ok());
    const int64_t revision =
        applied.events.empty() ? this->revision() : applied.events.back().revision.main;
    hub_->Publish(applied.events, revision);
    store_->Publish();
    log_.push_back({command});
    ++applied_;
    for (kv::Event& event : applied.events) history_.push_back(std::move(event));
    return std::move(applied.result);
  }

  void Put(const std::string& key, const std::string& value) {
    Apply({kv::PutRequest{.key = key, .value = value}});
  }
  void Delete(const std::string& key, const std::string& end = "") {
    Apply({kv::DeleteRangeRequest{.range = {key, end}}});
  }
  void Compact(int64_t revision) {
    Apply({kv::CompactRequest{revision}});
    while (true) {
      auto more = store_->CompactSlice();
      ASSERT_TRUE(more.ok()) << more.status();
      if (!*more) break;
    }
  }

  // The store as it is now, to be installed later.
  struct Saved {
    std::shared_ptr<kv::MemoryBackend> backend;
    size_t entries = 0;
  };
  Saved Save() const { return {backend_->Clone(), log_.size()}; }

  // Gets an older content and stays behind, as a member does whose store is rebuilt.
  void GoBackTo(const Saved& saved) {
    backend_ = saved.backend->Clone();
    ASSERT_TRUE(store_->Reload(backend_).ok());
    applied_ = saved.entries;
    sequence_ = store_->sequence().value();
    hub_->Reset(store_->view()->revision());
  }
  // The log again: at most `entries` of it.
  void Replay(size_t entries) {
    for (; entries > 0 && applied_ < log_.size(); --entries) ApplyOne(log_[applied_]);
  }
  // A snapshot of everything at once, or what an install of it looks like.
  void Install(const Saved& saved) {
    ASSERT_GE(saved.entries, applied_);
    GoBackTo(saved);
  }
  bool complete() const { return applied_ == log_.size(); }

  // Everything that ever happened.
  const std::vector<kv::Event>& history() const { return history_; }

 private:
  std::shared_ptr<kv::MemoryBackend> backend_ = std::make_shared<kv::MemoryBackend>();
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<Hub> hub_;
  void ApplyOne(const std::vector<kv::Command>& commands) {
    std::vector<kv::Event> events;
    int64_t revision = store_->view()->revision();
    for (const kv::Command& command : commands) {
      for (kv::Event& event : store_->Apply(command).events) {
        revision = event.revision.main;
        events.push_back(std::move(event));
      }
    }
    ASSERT_TRUE(store_->Write(kv::Sequence(++sequence_), 1).ok());
    hub_->Publish(events, revision);
    store_->Publish();
    ++applied_;
    for (kv::Event& event : events) {
      if (history_.empty() || event.revision > history_.back().revision)
        history_.push_back(std::move(event));
    }
  }

  std::vector<std::vector<kv::Command>> log_;  // one batch each
  size_t applied_ = 0;
  uint64_t sequence_ = 0;
  std::vector<kv::Event> history_;
};

// "PUT a=1 @2" or "DELETE a @3", with " was a=0" where there is a prev_kv.
inline std::string Text(const Delivered& delivered) {
  const kv::Event& event = *delivered.event;
  kv::KeyValueView pair;
  EXPECT_TRUE(kv::ParseKeyValue(*event.kv, pair));
  EXPECT_EQ(pair.key, event.key);
  std::string text = event.type == kv::EventType::kPut
                         ? "PUT " + event.key + "=" + std::string(pair.value)
                         : "DELETE " + event.key;
  text += " @" + std::to_string(event.revision.main);
  if (delivered.prev_kv != nullptr) {
    kv::KeyValueView previous;
    EXPECT_TRUE(kv::ParseKeyValue(*delivered.prev_kv, previous));
    text += " was " + std::string(previous.key) + "=" + std::string(previous.value);
  }
  return text;
}

// One subscription and what it has been given.
class Watcher {
 public:
  Watcher(Hub& hub, SubscribeOptions options) {
    subscription_ = hub.Subscribe(
        std::move(options), [this] { ++wakes_; }, created_at_);
  }

  // Everything that is there now.
  std::vector<std::string> Drain(size_t max_bytes = 1 << 20) {
    std::vector<std::string> texts;
    Batch batch;
    do {
      batch = subscription_->Next(max_bytes);
      EXPECT_TRUE(batch.error.ok()) << batch.error;
      for (const Delivered& delivered : batch.events) texts.push_back(Text(delivered));
      if (!batch.events.empty()) {
        EXPECT_GE(batch.revision, batch.events.back().event->revision.main);
      }
      if (batch.compacted) {
        texts.push_back("compacted at " + std::to_string(batch.compact_revision));
        EXPECT_FALSE(batch.more);
      }
    } while (batch.more);
    return texts;
  }

  Subscription& subscription() { return *subscription_; }
  int64_t synced() const { return subscription_->synced_revision(); }
  int64_t created_at() const { return created_at_; }
  int wakes() const { return wakes_; }

 private:
  std::atomic<int> wakes_ = 0;  // the apply thread wakes
  int64_t created_at_ = 0;
  std::unique_ptr<Subscription> subscription_;
};

}  // namespace pintle::watch::testing
