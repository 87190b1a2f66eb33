// The face's neighbours, faked: an executor that runs when told to, calls and exchanges that keep
// what they are sent, and a member whose store and hub are real.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/grpc.h"
#include "net/http.h"
#include "server/replica/command_codec.h"
#include "server/replica/downgrade_codec.h"
#include "server/replica/errors.h"
#include "server/replica/local_member.h"
#include "tests/watch/apply_loop.h"

namespace pintle::server::etcd::testing {

class FakeExecutor final : public net::Executor {
 public:
  void Post(absl::AnyInvocable<void()> work) override { posted_.push_back(std::move(work)); }

  std::unique_ptr<Timer> After(absl::Duration delay, absl::AnyInvocable<void()> work) override {
    const uint64_t id = ++last_timer_;
    timers_.emplace(id, Due{now_ + delay, std::move(work)});
    return std::make_unique<FakeTimer>(*this, id);
  }

  bool OnThread() const override { return true; }

  void Run() {
    while (!posted_.empty()) {
      auto work = std::move(posted_.front());
      posted_.pop_front();
      work();
    }
  }

  void Advance(absl::Duration by) {
    now_ += by;
    while (true) {
      const auto due = std::find_if(timers_.begin(), timers_.end(),
                                    [this](const auto& t) { return t.second.at <= now_; });
      if (due == timers_.end()) break;
      auto work = std::move(due->second.work);
      timers_.erase(due);
      work();
    }
    Run();
  }

  size_t timers() const { return timers_.size(); }

 private:
  struct Due {
    absl::Duration at;
    absl::AnyInvocable<void()> work;
  };
  class FakeTimer final : public Timer {
   public:
    FakeTimer(FakeExecutor& executor, uint64_t id) : executor_(executor), id_(id) {}
    ~FakeTimer() override { executor_.timers_.erase(id_); }

   private:
    FakeExecutor& executor_;
    const uint64_t id_;
  };

  std::deque<absl::AnyInvocable<void()>> posted_;
  std::map<uint64_t, Due> timers_;
  uint64_t last_timer_ = 0;
  absl::Duration now_;
};

// The room of a client that is not there (net/room.h).
struct FakeRoom {
  bool Has(size_t answer_bytes) const { return answer_bytes < bytes; }
  void Give() {
    bytes = SIZE_MAX;
    if (auto work = std::exchange(waiting, nullptr)) work();
  }

  size_t bytes = SIZE_MAX;
  absl::AnyInvocable<void()> waiting;
};

class FakeCall final : public net::GrpcCall {
 public:
  explicit FakeCall(FakeExecutor& executor, net::Headers metadata = {},
                    std::string common_name = "")
      : executor_(executor), metadata_(std::move(metadata)), common_name_(std::move(common_name)) {}

  const net::Headers& metadata() const override { return metadata_; }
  std::string_view peer() const override { return "127.0.0.1:1"; }
  std::string_view common_name() const override { return common_name_; }
  bool Send(std::string message) override {
    if (ended_) return false;
    unsent_ += message.size();
    sent_.push_back(std::move(message));
    return true;
  }
  void Finish(const absl::Status& status) override {
    if (std::exchange(ended_, true)) return;
    status_ = status;
    Close();
  }
  void Reply(std::string message) override {
    Send(std::move(message));
    Finish(absl::OkStatus());
  }
  size_t unsent_bytes() const override { return unsent_; }
  bool WantsMore(size_t most_unsent_bytes) override {
    return unsent_ < most_unsent_bytes && room.Has(0);
  }
  void OnDrain(absl::AnyInvocable<void()> callback) override { on_drain_ = std::move(callback); }
  void OnClose(absl::AnyInvocable<void()> callback) override {
    on_close_.push_back(std::move(callback));
  }
  net::Executor& executor() override { return executor_; }

  // The client's side.
  void Cancel() {
    if (!std::exchange(ended_, true)) Close();
  }
  void Drain() {
    unsent_ = 0;
    if (on_drain_) on_drain_();
  }
  void StayDrained() { unsent_ = 0; }
  std::vector<std::string> TakeSent() { return std::exchange(sent_, {}); }
  const absl::Status& status() const { return status_; }
  bool HasRoom(size_t answer_bytes) const override { return room.Has(answer_bytes); }
  void OnRoom(size_t /*answer_bytes*/, absl::AnyInvocable<void()> work) override {
    room.waiting = std::move(work);
  }
  bool ended() const { return ended_; }

  FakeRoom room;

 private:
  void Close() {
    auto callbacks = std::move(on_close_);
    on_close_.clear();
    for (auto& callback : callbacks) callback();
  }

  FakeExecutor& executor_;
  const net::Headers metadata_;
  const std::string common_name_;
  std::vector<std::string> sent_;
  size_t unsent_ = 0;
  bool ended_ = false;
  absl::Status status_ = absl::UnknownError("the call has not ended");
  absl::AnyInvocable<void()> on_drain_;
  std::vector<absl::AnyInvocable<void()>> on_close_;
};

class FakeExchange final : public net::HttpExchange {
 public:
  explicit FakeExchange(FakeExecutor& executor) : executor_(executor) {}

  void Respond(int status, net::Headers headers, std::string body) override {
    EXPECT_EQ(status_, 0) << "answered twice";
    status_ = status;
    headers_ = std::move(headers);
    body_ = std::move(body);
    Close();
  }
  void Start(int status, net::Headers headers) override {
    EXPECT_EQ(status_, 0) << "answered twice";
    status_ = status;
    headers_ = std::move(headers);
    streamed_ = true;
  }
  bool Write(std::string chunk) override {
    EXPECT_TRUE(streamed_ && !closed_);
    unsent_ += chunk.size();
    body_ += chunk;
    return true;
  }
  void Finish() override { Close(); }
  size_t unsent_bytes() const override { return unsent_; }
  void OnDrain(absl::AnyInvocable<void()> callback) override { on_drain_ = std::move(callback); }
  void OnClose(absl::AnyInvocable<void()> callback) override { on_close_ = std::move(callback); }
  net::Executor& executor() override { return executor_; }

  // The client's side: it has gone, or has got its answer.
  void Close() {
    if (!std::exchange(closed_, true) && on_close_) std::exchange(on_close_, nullptr)();
  }
  // It takes what was sent.
  void Drain() {
    unsent_ = 0;
    if (on_drain_) on_drain_();
  }
  std::string TakeBody() { return std::exchange(body_, {}); }
  bool streamed() const { return streamed_; }
  bool closed() const { return closed_; }
  int status() const { return status_; }
  const net::Headers& headers() const { return headers_; }
  const std::string& body() const { return body_; }
  bool HasRoom(size_t answer_bytes) const override { return room.Has(answer_bytes); }
  void OnRoom(size_t /*answer_bytes*/, absl::AnyInvocable<void()> work) override {
    room.waiting = std::move(work);
  }

  FakeRoom room;

 private:
  FakeExecutor& executor_;
  int status_ = 0;
  net::Headers headers_;
  std::string body_;
  size_t unsent_ = 0;
  bool streamed_ = false;
  bool closed_ = false;
  absl::AnyInvocable<void()> on_drain_;
  absl::AnyInvocable<void()> on_close_;
};

class FakeMember final : public replica::LocalMember {
 public:
  void ProposeFor(kv::auth::Caller caller, replica::RequestKind kind, std::string body,
                  ProposeDone done) override {
    ++proposals;
    if (!refuse.ok()) {
      done(refuse);
      return;
    }
    if (kind == replica::RequestKind::kDowngrade) {
      ASSERT_TRUE(replica::DecodeDowngrade(body, downgrade));
      return done(replica::Applied{});
    }
    auto command = replica::DecodeCommand(kind, body);
    ASSERT_TRUE(command.ok()) << command.status();
    auto result = loop.Try(*command, caller);
    if (!result.ok()) {
      done(result.status());
      return;
    }
    done(replica::Applied{.raft_term = facts.raft_term,
                          .raft_index = ++facts.applied_index,
                          .revision = loop.revision(),
                          .result = *std::move(result)});
  }

  absl::Status CheckRoom(replica::RequestKind kind, std::string_view) override {
    const bool takes = kind == replica::RequestKind::kPut || kind == replica::RequestKind::kTxn ||
                       kind == replica::RequestKind::kLeaseGrant;
    return takes ? refuse_room : absl::OkStatus();
  }
  bool auth_enabled() const override { return store_->auth_enabled(); }
  std::optional<std::string> UserOfToken(std::string_view token) override {
    const auto found = tokens.find(token);
    if (found == tokens.end()) return std::nullopt;
    return found->second;
  }

  void LinearizableRead(ReadDone done) override {
    ++reads;
    if (!refuse.ok()) {
      done(refuse);
    } else if (!refuse_reads.ok()) {
      done(refuse_reads);
    } else {
      done(loop.store().view());
    }
  }

  std::shared_ptr<const kv::ReadView> view() const override { return store_->view(); }
  void Freeze(FreezeDone done) override {
    if (!refuse.ok()) return done(refuse);
    auto content = loop.store().NewSnapshot();
    frozen = content;
    done(std::move(content));
  }
  void RunInBackground(std::function<void()> work) override {
    background.push_back(std::move(work));
  }
  watch::Hub& hub() override { return loop.hub(); }
  replica::MemberStatus status() const override { return facts; }
  std::vector<replica::ClusterMember> members() const override { return member_list; }
  std::string downgrade_target() const override { return downgrade; }

  bool is_learner() const override { return learner; }
  void ChangeMembers(replica::MemberChange change, MembersDone done) override {
    changes.push_back(std::move(change));
    if (refuse.ok()) {
      done(member_list);
    } else {
      done(refuse);
    }
  }

  void LeaseKeepAlive(kv::LeaseId id, KeepAliveDone done) override {
    held_keep_alives.emplace_back(id, std::move(done));
    if (!hold_keep_alives) AnswerKeepAlive();
  }
  void AnswerKeepAlive() {
    auto [id, done] = std::move(held_keep_alives.front());
    held_keep_alives.pop_front();
    const auto lease = view()->Lease(id);
    if (refuse.ok()) {
      done(lease.has_value() ? lease->granted_ttl_seconds : 0);
    } else {
      done(refuse);
    }
  }
  void LeaseTimeToLive(kv::LeaseId id, TimeToLiveDone done) override {
    const auto lease = view()->Lease(id);
    if (!refuse.ok()) {
      done(refuse);
    } else if (lease.has_value()) {
      done(LeaseTime{lease->granted_ttl_seconds - 1, lease->granted_ttl_seconds});
    } else {
      done(LeaseTime{});
    }
  }
  void HashKv(int64_t revision, HashKvDone done) override {
    auto hash = view()->StartKvHash({.compact_revision = view()->compact_revision(),
                                     .revision = revision == 0 ? view()->revision() : revision});
    if (!hash.ok()) return done(hash.status());
    while (!(*hash)->done()) ASSERT_TRUE((*hash)->Step(1).ok());
    done(KvHashAnswer{.hash = (*hash)->hash(),
                      .compact_revision = (*hash)->span().compact_revision,
                      .hash_revision = (*hash)->span().revision,
                      .revision = view()->revision()});
  }
  void HashAll(HashKvDone done) override {
    done(KvHashAnswer{.hash = 77, .revision = view()->revision()});
  }
  std::vector<kv::LeaseId> leases() const override {
    std::vector<kv::LeaseId> ids;
    for (const kv::LeaseInfo& lease : view()->Leases()) ids.push_back(lease.id);
    return ids;
  }
  int64_t min_lease_ttl_seconds() const override { return 2; }

  watch::testing::ApplyLoop loop;
  std::string downgrade;
  absl::Status refuse;        // not OK: the answer to everything that needs the others
  absl::Status refuse_reads;  // the same, to reads only
  absl::Status refuse_room;   // the same, to what takes room
  std::vector<replica::MemberChange> changes;
  std::deque<std::function<void()>> background;
  std::weak_ptr<const kv::BackendReader> frozen;  // the last one
  bool learner = false;
  std::map<std::string, std::string, std::less<>> tokens;
  int proposals = 0;
  int reads = 0;
  bool hold_keep_alives = false;
  std::deque<std::pair<kv::LeaseId, KeepAliveDone>> held_keep_alives;
  replica::MemberStatus facts{.cluster_id = 0xc1,
                              .member_id = 0x31,
                              .leader_id = 0x31,
                              .raft_term = 7,
                              .committed_index = 12,
                              .applied_index = 11,
                              .is_leader = true,
                              .ready = true,
                              .db_size_bytes = 100};
  std::vector<replica::ClusterMember> member_list{
      {0x31, "one", {"http://127.0.0.1:2380"}, {"http://127.0.0.1:2379"}, false},
      {0x32, "", {"http://127.0.0.1:2390"}, {}, true}};

 private:
  kv::Store* const store_ = &loop.store();
};

}  // namespace pintle::server::etcd::testing
