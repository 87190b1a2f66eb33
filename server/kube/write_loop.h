// WriteLoop: read, plan, write if nothing has changed meanwhile, else again.
//
// Every write of the façade is a Planner: a pure function from a view of the store to either a
// refusal, or an answer that needs no write, or a transaction guarded by the revisions that the
// plan rests on. The first attempt plans on this member's own view, which costs no round to the
// leader: guards make it safe, and only a refusal or a no-op, which guards cannot check, is planned
// again on a linearizable view. Threads: planners run on the exchange's; callbacks too.
#pragma once

#include <functional>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "kv/read_view.h"
#include "net/http.h"
#include "server/kube/status_error.h"
#include "server/kube/store_txn.h"
#include "server/replica/local_member.h"

namespace pintle::server::kube {

struct WritePlan {
  StoreTxn txn;  // empty: nothing to write, `object` is the answer already
  Json object;   // what is answered; gets the write's revision as its resourceVersion
  bool sets_resource_version = true;
  int http_status = 200;
};

using Planner = std::function<Result<WritePlan>(const kv::ReadView& view)>;
using Written = absl::AnyInvocable<void(Result<WritePlan> outcome)>;

struct WriteOptions {
  bool dry_run = false;   // plan only
  int max_conflicts = 5;  // then 409
};

// `done` is called once on the exchange's thread; not at all when its loop has stopped.
void RunWrite(replica::LocalMember& member, std::shared_ptr<net::HttpExchange> exchange,
              WriteOptions options, Planner planner, Written done);

}  // namespace pintle::server::kube
