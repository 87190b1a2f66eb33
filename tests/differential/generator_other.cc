#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "proto/etcd/lock.pb.h"
#include "tests/differential/generator.h"

namespace pintle::tests {
namespace {

using namespace etcdserverpb;  // NOLINT: a page of its messages

}  // namespace

int64_t Generator::Lease() { return OneIn(20) ? -5 : 1 + Below(12); }

uint64_t Generator::Member() {
  static constexpr std::array<uint64_t, 5> kIds = {kItself, kLearner, kLearner, 12345, 0};
  return kIds.at(static_cast<size_t>(Below(kIds.size())));
}

Request Generator::LeaseCall() {
  switch (Below(7)) {
    case 0:
    case 1: {
      LeaseGrantRequest grant;
      grant.set_id(Lease());
      // Long enough not to end within a run; the two may not end one at the same moment.
      grant.set_ttl(OneIn(15) ? int64_t{9000000001} : 3600 + Below(10) * 100);
      return RequestOf("Lease/LeaseGrant", grant, false);
    }
    case 2: {
      LeaseRevokeRequest revoke;
      revoke.set_id(Lease());
      return RequestOf("Lease/LeaseRevoke", revoke, false);
    }
    case 3:
      return RequestOf("Lease/LeaseLeases", LeaseLeasesRequest(), true);
    case 4: {
      LeaseKeepAliveRequest alive;
      alive.set_id(Lease());
      return RequestOf("Lease/LeaseKeepAlive", alive, false);
    }
    default: {
      LeaseTimeToLiveRequest ask;
      ask.set_id(Lease());
      ask.set_keys(OneIn(2));
      return RequestOf("Lease/LeaseTimeToLive", ask, true);
    }
  }
}

Request Generator::ClusterCall() {
  // Nobody listens there: a learner that never comes, for one more voter would stop both. Another
  // one after each removal: the same URLs within a second are the same member, who was removed.
  const int port = 10 + 2 * (removals_ % 400);
  const auto url = [this, port] {
    static constexpr std::array kBad = {"http://127.0.0.1:1/path", "127.0.0.1:1", "not a url", ""};
    if (OneIn(2)) return absl::StrCat("http://127.0.0.1:", port + Below(2));
    return std::string(kBad.at(static_cast<size_t>(Below(kBad.size()))));
  };
  switch (Below(6)) {
    case 0: {
      MemberListRequest list;
      list.set_linearizable(OneIn(2));
      return RequestOf("Cluster/MemberList", list, true);
    }
    case 1: {
      MemberRemoveRequest remove;
      do remove.set_id(Member());
      while (remove.id() == kItself);
      ++removals_;
      return RequestOf("Cluster/MemberRemove", remove, false);
    }
    case 2:
    case 3: {
      MemberAddRequest add;
      for (int urls = Below(3); urls > 0; --urls) add.add_peerurls(url());
      add.set_islearner(true);
      return RequestOf("Cluster/MemberAdd", add, false);
    }
    case 4: {
      MemberPromoteRequest promote;
      promote.set_id(Member());
      return RequestOf("Cluster/MemberPromote", promote, false);
    }
    default: {
      MemberUpdateRequest update;
      // etcd forgets that a learner that is updated is one.
      do update.set_id(Member());
      while (update.id() == kLearner);
      if (update.id() == kItself)
        update.add_peerurls(OneIn(2) ? "http://127.0.0.1:1" : "http://127.0.0.1:3");
      else
        update.add_peerurls(url());
      return RequestOf("Cluster/MemberUpdate", update, false);
    }
  }
}

// One minor version below the cluster's is the only target; the rest are others, and none. What is
// enabled or cancelled is rare: 3.5 answers it after seven seconds (differences.cc).
Request Generator::DowngradeCall() {
  static constexpr std::array kSound = {"3.4", "3.4.0", "3.4.7-a"};
  static constexpr std::array kOthers = {"3.3.17", "3.5",     "3.2",      "4.4",  "3",  "",
                                         "v3.4",   "3.4.0.0", "3.4-rc.1", "3.03", "3.x"};
  DowngradeRequest downgrade;
  const bool sound = OneIn(3);
  downgrade.set_version(sound ? kSound.at(static_cast<size_t>(Below(kSound.size())))
                              : kOthers.at(static_cast<size_t>(Below(kOthers.size()))));
  const int dice = Below(40);
  if (dice < 2) downgrade.set_action(DowngradeRequest::CANCEL);
  if (dice == 2) downgrade.set_action(static_cast<DowngradeRequest::DowngradeAction>(3));
  if (dice == 3 || dice == 4 || (dice > 20 && !sound))
    downgrade.set_action(DowngradeRequest::ENABLE);
  return RequestOf("Maintenance/Downgrade", downgrade, false);
}

Request Generator::MaintenanceCall() {
  switch (Below(7)) {
    case 0:
      return RequestOf("Maintenance/Status", StatusRequest(), true);
    case 1:
      return RequestOf("Maintenance/Hash", HashRequest(), true);
    case 2: {
      MoveLeaderRequest move;
      move.set_targetid(Member());
      return RequestOf("Maintenance/MoveLeader", move, false);
    }
    case 3: {
      AlarmRequest alarm;
      alarm.set_memberid(Member());
      alarm.set_alarm(static_cast<AlarmType>(Below(3)));
      return RequestOf("Maintenance/Alarm", alarm, false);
    }
    case 4:
      return DowngradeCall();
    default: {
      HashKVRequest hash;
      hash.set_revision(OneIn(2) ? 0 : Revision());
      return RequestOf("Maintenance/HashKV", hash, true);
    }
  }
}

// Lock and Election. Each lease has names of its own, so that nobody waits for another.
Request Generator::RecipeCall() {
  const int64_t lease = 1 + Below(12);
  switch (Below(6)) {
    case 0: {
      v3lockpb::LockRequest lock;
      lock.set_name(absl::StrCat("lock/", lease));
      lock.set_lease(lease);
      return RequestOf("v3lockpb.Lock/Lock", lock, false);
    }
    case 1: {
      v3lockpb::UnlockRequest unlock;
      unlock.set_key(absl::StrCat("lock/", lease, "/", absl::Hex(lease)));
      return RequestOf("v3lockpb.Lock/Unlock", unlock, false);
    }
    case 2: {
      v3electionpb::CampaignRequest campaign;
      campaign.set_name(absl::StrCat("seat/", lease));
      campaign.set_lease(lease);
      campaign.set_value(Value());
      return RequestOf("v3electionpb.Election/Campaign", campaign, false);
    }
    case 3: {
      v3electionpb::ProclaimRequest proclaim;
      if (!OneIn(8)) *proclaim.mutable_leader() = leader_;
      proclaim.set_value(Value());
      return RequestOf("v3electionpb.Election/Proclaim", proclaim, false);
    }
    case 4: {
      v3electionpb::LeaderRequest leader;
      leader.set_name(OneIn(2) ? leader_.name() : absl::StrCat("seat/", lease));
      return RequestOf("v3electionpb.Election/Leader", leader, true);
    }
    default: {
      v3electionpb::ResignRequest resign;
      if (!OneIn(8)) *resign.mutable_leader() = leader_;
      return RequestOf("v3electionpb.Election/Resign", resign, false);
    }
  }
}

// The first leader, a new value of his, his end, the next one; and whoever else may see it. What is
// observed is there, or will be: who waits in vain would be waited for.
void Generator::Observe() {
  constexpr int64_t kLease = 13;  // nobody else's
  const std::string key = absl::StrCat("observed/", absl::Hex(kLease));
  LeaseGrantRequest grant;
  grant.set_id(kLease);
  grant.set_ttl(3600);
  v3electionpb::CampaignRequest campaign;
  campaign.set_name("observed");
  campaign.set_lease(kLease);
  v3electionpb::LeaderRequest observe;
  observe.set_name("observed");
  PutRequest put;
  put.set_key(key);
  put.set_lease(kLease);
  DeleteRangeRequest remove;
  remove.set_key(key);

  const Request first = RequestOf("v3electionpb.Election/Observe", observe, false);
  Request next = first;
  next.goes_on = true;
  const auto run = [&] {
    campaign.set_value(Value());
    return RequestOf("v3electionpb.Election/Campaign", campaign, false);
  };
  put.set_value(Value());
  script_ = {RequestOf("Lease/LeaseGrant", grant, false),
             run(),
             first,
             RequestOf("KV/Put", put, false),
             next,
             RequestOf("KV/DeleteRange", remove, false),
             run(),
             next};
  for (Request& request : script_) request.user = auth_left_ > 0 ? "root" : "";
  script_.push_back(first);
  script_.back().user = AnyUser();
}

Request Generator::Seldom() {
  switch (Below(6)) {
    case 0:
      return RequestOf("Maintenance/Defragment", DefragmentRequest(), false);
    case 2:
      return RequestOf("Maintenance/Snapshot", SnapshotRequest(), false);
    case 3:
      if (disarm_in_ == 0) {  // an alarm would refuse what is observed
        Observe();
        return Next();
      }
      return Seldom();
    case 1: {
      // While an alarm is up, etcd asks nobody who he is. One at a time, until it is disarmed.
      const bool may_raise = auth_left_ == 0 && disarm_in_ == 0;
      AlarmRequest alarm;
      alarm.set_action(static_cast<AlarmRequest::AlarmAction>(may_raise ? Below(3) : 0));
      alarm.set_memberid(OneIn(2) ? kItself : 12345);
      alarm.set_alarm(static_cast<AlarmType>(Below(3)));
      if (alarm.action() == AlarmRequest::ACTIVATE) {
        alarm_ = alarm;
        disarm_in_ = 30;
      }
      return RequestOf("Maintenance/Alarm", alarm, false);
    }
    default: {
      CompactionRequest compact;
      compact.set_revision(Revision());
      compact.set_physical(true);  // so that hashes can be compared
      return RequestOf("KV/Compact", compact, false);
    }
  }
}

}  // namespace pintle::tests
