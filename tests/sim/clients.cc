#include "tests/sim/clients.h"

#include <algorithm>
#include <utility>

#include "kv/errors.h"
#include "proto/etcd/rpc.pb.h"

namespace pintle::sim {
namespace {

using server::replica::Applied;
using server::replica::RequestKind;

constexpr absl::Duration kPatience = absl::Seconds(3);
constexpr uint64_t kFarBack = 60;  // revisions

std::optional<history::Pair> PairOf(const SimMember& member, const kv::RangeResult& result) {
  if (result.kvs.empty()) return std::nullopt;
  return member.Told(result.kvs[0]);
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
  int64_t past = 0;  // the revision that is read, if not the newest
  bool deletes = false;
  bool reads_only = false;
  bool over = false;
  std::function<void(bool well)> after;
};

Clients::Clients(const Settings& settings, EventQueue& events, Members& members,
                 history::History& history, Watchers& watchers,
                 std::function<void(const absl::Status&)> check)
    : settings_(settings),
      events_(events),
      members_(members),
      history_(history),
      watchers_(watchers),
      check_(std::move(check)),
      random_(settings.seed ^ 0xc11e47) {}

void Clients::Start() {
  for (size_t client = 0; client < settings_.clients; ++client) NextCall(client);
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
  if (kind < 25) return Put(call);
  if (kind < 36) return GuardedUpdate(call);
  if (kind < 42) return UpdateSeveral(call);
  if (kind < 46) return PutAndReadPast(call);
  if (kind < 56) return Delete(call);
  if (kind < 78) return LinearizableRead(call);
  if (kind < 84) return ReadPast(call);
  if (kind < 98 || !settings_.compacts) return SerializableRead(call);
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
  call->value = NewValue("v");
  call->value.resize(std::max(call->value.size(), random_.Below(settings_.value_bytes)), '.');
  etcdserverpb::PutRequest request;
  request.set_key(call->key);
  request.set_value(call->value);
  Propose(call, RequestKind::kPut, request.SerializeAsString());
}

// Puts if the key is as this client last might have seen it.
void Clients::GuardedUpdate(const std::shared_ptr<Call>& call) {
  call->value = NewValue("g");
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

// Three keys at one revision: two are put, one goes.
void Clients::UpdateSeveral(const std::shared_ptr<Call>& call) {
  call->value = NewValue("s");
  etcdserverpb::TxnRequest request;
  auto* put = request.add_success()->mutable_request_put();
  put->set_key(call->key);
  put->set_value(call->value);
  put = request.add_success()->mutable_request_put();
  put->set_key(absl::StrCat(call->key, "-twin"));
  put->set_value(NewValue("t"));
  const std::string other = absl::StrCat("key-", random_.Below(settings_.keys));
  if (other != call->key)
    request.add_success()->mutable_request_delete_range()->set_key(absl::StrCat(other, "-twin"));
  Propose(call, RequestKind::kTxn, request.SerializeAsString());
}

// Newest, or not far back; perhaps compacted.
int64_t Clients::SomeRevision() {
  const int64_t back = static_cast<int64_t>(random_.Below(2) == 0 ? 0 : random_.Below(kFarBack));
  return std::max<int64_t>(1, history_.Floor() - back);
}

// Refused as a whole when that past is compacted: on every member alike.
void Clients::PutAndReadPast(const std::shared_ptr<Call>& call) {
  call->value = NewValue("p");
  call->past = SomeRevision();
  etcdserverpb::TxnRequest request;
  auto* range = request.add_success()->mutable_request_range();
  range->set_key(call->key);
  range->set_revision(call->past);
  auto* put = request.add_success()->mutable_request_put();
  put->set_key(call->key);
  put->set_value(call->value);
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
  request.set_revision(SomeRevision());
  request.set_physical(random_.Below(4) == 0);
  watchers_.CompactionAsked(request.revision());
  Propose(call, RequestKind::kCompaction, request.SerializeAsString());
}

void Clients::Answer(Call& call, const absl::StatusOr<Applied>& applied) {
  ++answered_;
  if (applied.ok()) {
    AnswerChange(call, *applied);
  } else if (!call.value.empty() && kv::IsCompacted(applied.status())) {
    check_(history_.NotWritten(call.value));
  }  // else nobody knows
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
    if (call.past != 0) {
      const auto& range = std::get<kv::RangeResult>(txn->responses.at(0));
      check_(history_.Read(/*linearizable=*/false, 0, call.past, call.key,
                           PairOf(*call.member, range)));
    }
    check_(history_.Wrote(call.floor, applied.revision, call.key, call.value));
    return;
  }
  check_(history_.NotWritten(call.value));
  const auto& range = std::get<kv::RangeResult>(txn->responses.at(0));
  check_(history_.Read(/*linearizable=*/true, call.floor, applied.revision, call.key,
                       PairOf(*call.member, range)));
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
  if (!call->member->member().store_usable()) return call->after(false);  // as the doors do
  ++answered_;
  CheckView(*call, *call->member->member().view(), /*linearizable=*/false);
  call->after(true);
}

void Clients::ReadPast(const std::shared_ptr<Call>& call) {
  call->over = true;
  if (!call->member->member().store_usable()) return call->after(false);
  ++answered_;
  const auto view = call->member->member().view();
  const int64_t revision = SomeRevision();
  const auto result = view->Range({.range = {call->key, ""}, .revision = revision});
  if (result.ok()) {
    check_(history_.Read(/*linearizable=*/false, 0, revision, call->key,
                         PairOf(*call->member, *result)));
  } else if (kv::IsFutureRevision(result.status()) ? revision <= view->revision()
             : kv::IsCompacted(result.status())    ? revision >= view->compact_revision()
                                                   : !call->member->Excuses(result.status())) {
    check_(absl::InternalError(absl::StrCat("a read of revision ", revision,
                                            " says: ", std::string(result.status().message()))));
  }
  call->after(result.ok());
}

void Clients::CheckView(const Call& call, const kv::ReadView& view, bool linearizable) {
  const auto result = view.Range({.range = {call.key, ""}});
  if (!result.ok()) {
    if (!call.member->Excuses(result.status())) check_(result.status());
    return;
  }
  check_(history_.Read(linearizable, call.floor, result->revision, call.key,
                       PairOf(*call.member, *result)));
}

void Clients::Probe(SimMember& member, const std::shared_ptr<bool>& done) {
  // This attempt is followed by one other, whatever becomes of it.
  const auto again = [this, &member, done, over = std::make_shared<bool>(false)] {
    if (std::exchange(*over, true)) return;
    events_.After(absl::Milliseconds(100), [this, &member, done] {
      if (!*done) Probe(member, done);
    });
  };
  if (!member.up()) return again();
  events_.After(kPatience, again);  // the process may have died under it
  auto put = std::make_shared<Call>();
  put->member = &member;
  put->incarnation = member.incarnation();
  put->floor = history_.Floor();
  put->key = "probe";
  put->after = [this, done, again, &member](bool well) {
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

}  // namespace pintle::sim
