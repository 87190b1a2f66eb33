#include "tests/sim/clients.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/etcd/rpc.pb.h"

namespace pintle::sim {
namespace {

using server::replica::Applied;
using server::replica::RequestKind;

constexpr absl::Duration kPatience = absl::Seconds(3);
constexpr absl::Duration kWatchTurn = absl::Milliseconds(20);
constexpr size_t kWatchers = 2;

std::optional<history::Pair> PairOf(const kv::RangeResult& result) {
  if (result.kvs.empty()) return std::nullopt;
  return ToPair(result.kvs[0]);
}

}  // namespace

struct Clients::Call {
  size_t client = 0;
  bool probe = false;
  SimMember* member = nullptr;
  uint64_t incarnation = 0;
  int64_t floor = 0;
  std::string key;
  std::string value;
  bool deletes = false;
  bool reads_only = false;
  bool over = false;
  std::function<void(bool well)> after;
};

Clients::Clients(const Settings& settings, EventQueue& events, Members& members,
                 history::History& history, std::function<void(const absl::Status&)> check)
    : settings_(settings),
      events_(events),
      members_(members),
      history_(history),
      check_(std::move(check)),
      random_(settings.seed ^ 0xc11e47),
      watchers_(kWatchers) {}

void Clients::Start() {
  for (size_t client = 0; client < settings_.clients; ++client) NextCall(client);
  for (size_t number = 0; number < watchers_.size(); ++number) {
    watchers_[number].place = number % members_.size();
    TurnWatcher(number);
  }
}

void Clients::NextCall(size_t client) {
  const uint64_t percent = random_.Between(0, 200);
  events_.After(settings_.think_time * percent / 100, [this, client] {
    if (!stopped_) Begin(client);
  });
}

void Clients::Begin(size_t client) {
  SimMember& member = *members_[random_.Below(members_.size())];
  if (!member.up()) return NextCall(client);
  ++calls_;
  auto call = std::make_shared<Call>();
  call->client = client;
  call->member = &member;
  call->incarnation = member.incarnation();
  call->floor = history_.Floor();
  call->key = absl::StrCat("key-", random_.Below(settings_.keys));
  call->after = [this, client](bool) { NextCall(client); };
  events_.After(kPatience, [this, call] {
    if (!std::exchange(call->over, true)) call->after(false);
  });
  const uint64_t kind = random_.Below(100);
  if (kind < 30) return Put(call);
  if (kind < 45) return GuardedUpdate(call);
  if (kind < 55) return Delete(call);
  if (kind < 80) return LinearizableRead(call);
  if (kind < 99 || settings_.compact_every == absl::InfiniteDuration())
    return SerializableRead(call);
  Compact(call);
}

bool Clients::Takes(Call& call) {
  if (call.over || !call.member->up() || call.member->incarnation() != call.incarnation)
    return false;
  call.over = true;
  return true;
}

void Clients::Propose(const std::shared_ptr<Call>& call, RequestKind kind, std::string body) {
  call->member->member().Propose(kind, std::move(body),
                                 [this, call](const absl::StatusOr<Applied>& applied) {
                                   if (Takes(*call)) Answer(*call, applied);
                                 });
  call->member->Wake();
}

void Clients::Put(const std::shared_ptr<Call>& call) {
  call->value = absl::StrCat("v", ++values_);
  call->value.resize(std::max(call->value.size(), random_.Below(settings_.value_bytes)), '.');
  etcdserverpb::PutRequest request;
  request.set_key(call->key);
  request.set_value(call->value);
  Propose(call, RequestKind::kPut, request.SerializeAsString());
}

// Puts if the key is as this client last might have seen it.
void Clients::GuardedUpdate(const std::shared_ptr<Call>& call) {
  call->value = absl::StrCat("g", ++values_);
  const auto seen = history_.At(call->key, history_.last_revision());
  etcdserverpb::TxnRequest request;
  auto* compare = request.add_compare();
  compare->set_key(call->key);
  compare->set_target(etcdserverpb::Compare::MOD);
  compare->set_result(etcdserverpb::Compare::EQUAL);
  compare->set_mod_revision(seen ? seen->mod_revision : 0);
  auto* put = request.add_success()->mutable_request_put();
  put->set_key(call->key);
  put->set_value(call->value);
  request.add_failure()->mutable_request_range()->set_key(call->key);
  Propose(call, RequestKind::kTxn, request.SerializeAsString());
}

void Clients::Delete(const std::shared_ptr<Call>& call) {
  call->deletes = true;
  etcdserverpb::DeleteRangeRequest request;
  request.set_key(call->key);
  Propose(call, RequestKind::kDeleteRange, request.SerializeAsString());
}

void Clients::Compact(const std::shared_ptr<Call>& call) {
  call->reads_only = true;
  etcdserverpb::CompactionRequest request;
  // Not beyond what every watcher has been given: they would be told so, and have to list again.
  int64_t revision = history_.last_revision();
  for (const Watcher& watcher : watchers_) revision = std::min(revision, watcher.cursor);
  request.set_revision(std::max<int64_t>(1, revision - 50));
  Propose(call, RequestKind::kCompaction, request.SerializeAsString());
}

void Clients::Answer(Call& call, const absl::StatusOr<Applied>& applied) {
  ++answered_;
  if (applied.ok()) AnswerChange(call, *applied);  // else nobody knows
  call.after(applied.ok());
}

void Clients::AnswerChange(const Call& call, const Applied& applied) {
  if (call.reads_only) return;
  if (call.deletes) {
    if (std::get<kv::DeleteRangeResult>(applied.result).deleted == 1) {
      check_(history_.Deleted(call.floor, applied.revision, call.key));
    }
    return;
  }
  const auto* txn = std::get_if<kv::TxnResult>(&applied.result);
  if (txn == nullptr || txn->succeeded) {
    check_(history_.Wrote(call.floor, applied.revision, call.key, call.value));
    return;
  }
  check_(history_.NotWritten(call.value));
  const auto& range = std::get<kv::RangeResult>(txn->responses.at(0));
  check_(
      history_.Read(/*linearizable=*/true, call.floor, applied.revision, call.key, PairOf(range)));
}

void Clients::LinearizableRead(const std::shared_ptr<Call>& call) {
  call->member->member().LinearizableRead(
      [this, call](const absl::StatusOr<std::shared_ptr<const kv::ReadView>>& view) {
        if (!Takes(*call)) return;
        ++answered_;
        if (view.ok()) CheckView(*call, **view, /*linearizable=*/true);
        call->after(view.ok());
      });
  call->member->Wake();
}

void Clients::SerializableRead(const std::shared_ptr<Call>& call) {
  call->over = true;
  ++answered_;
  CheckView(*call, *call->member->member().view(), /*linearizable=*/false);
  call->after(true);
}

void Clients::CheckView(const Call& call, const kv::ReadView& view, bool linearizable) {
  const auto result = view.Range({.range = {call.key, ""}});
  if (!result.ok()) {
    check_(result.status());
    return;
  }
  check_(history_.Read(linearizable, call.floor, result->revision, call.key, PairOf(*result)));
}

void Clients::Probe(size_t place, const std::shared_ptr<bool>& done) {
  SimMember& member = *members_[place];
  const auto again = [this, place, done] {
    events_.After(absl::Milliseconds(100), [this, place, done] {
      if (!*done) Probe(place, done);
    });
  };
  if (!member.up()) return again();
  events_.After(kPatience, [this, place, done] {
    if (!*done) Probe(place, done);  // the process may have died under it
  });
  auto put = std::make_shared<Call>();
  put->member = &member;
  put->incarnation = member.incarnation();
  put->floor = history_.Floor();
  put->key = "probe";
  put->after = [this, place, done, again, &member](bool well) {
    if (!well || !member.up()) return again();
    auto read = std::make_shared<Call>();
    read->member = &member;
    read->incarnation = member.incarnation();
    read->floor = history_.Floor();
    read->key = "probe";
    read->after = [done, again](bool read_well) {
      if (!read_well) return again();
      *done = true;
    };
    LinearizableRead(read);
  };
  Put(put);
}

void Clients::Resubscribe(Watcher& watcher) {
  watcher.subscription.reset();
  watcher.place = random_.Below(members_.size());
  SimMember& member = *members_[watcher.place];
  if (!member.up()) return;
  int64_t revision = 0;
  watcher.incarnation = member.incarnation();
  watcher.subscription = member.member().hub().Subscribe(
      {.range = AllKeys(), .start_revision = watcher.cursor + 1}, [] {}, revision);
}

void Clients::TurnWatcher(size_t number) {
  Watcher& watcher = watchers_[number];
  events_.After(kWatchTurn, [this, number] { TurnWatcher(number); });
  SimMember& member = *members_[watcher.place];
  const bool gone = !member.up() || member.incarnation() != watcher.incarnation;
  if (watcher.subscription == nullptr || gone || random_.Below(500) == 0) {
    return Resubscribe(watcher);
  }
  const watch::Batch batch = watcher.subscription->Next(size_t{1} << 16);
  if (batch.compacted) return check_(absl::InternalError("a watch was compacted away"));
  for (const Revisions::One& one : ToRevisions(batch).list) {
    check_(history_.Watched(watcher.cursor, one.revision, one.changes));
  }
  const int64_t synced = watcher.subscription->synced_revision();
  // Every revision changes some key, and all are watched: progress and events end at the same one.
  if (synced >= 0 && !batch.more) check_(history_.Progress(watcher.cursor, synced));
}

bool Clients::WatchersAreSynced() const {
  return std::ranges::all_of(watchers_, [this](const Watcher& watcher) {
    return watcher.cursor == history_.last_revision();
  });
}

}  // namespace pintle::sim
