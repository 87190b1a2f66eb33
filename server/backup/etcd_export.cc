#include "server/backup/etcd_export.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "kv/alarm_set.h"
#include "kv/auth/auth_record.h"
#include "kv/record.h"
#include "raft/membership.h"
#include "server/backup/bolt_writer.h"
#include "server/backup/etcd_schema.h"
#include "server/replica/member_list.h"

namespace pintle::server::backup {
namespace {

using Pairs = std::map<std::string, std::string>;

// Empty when there is none.
absl::StatusOr<std::string> Read(const kv::BackendReader& content, const std::string& key) {
  absl::StatusOr<std::string> value = content.Get(key);
  if (absl::IsNotFound(value.status())) return std::string();
  return value;
}

absl::Status Damaged(const char* what) {
  return absl::DataLossError(absl::StrFormat("the store's %s are damaged", what));
}

// As etcd writes its Member; what is not known is left out.
std::string MemberJson(const replica::ClusterMember& member) {
  nlohmann::ordered_json json{{"id", member.id}, {"peerURLs", member.peer_urls}};
  if (member.is_learner) json["isLearner"] = true;
  if (!member.name.empty()) json["name"] = member.name;
  if (!member.client_urls.empty()) json["clientURLs"] = member.client_urls;
  return json.dump();
}

std::vector<uint64_t> Numbers(const std::vector<raft::MemberId>& ids) {
  std::vector<uint64_t> numbers;
  for (const raft::MemberId id : ids) numbers.push_back(id.value());
  return numbers;
}

// As etcd writes its raftpb.ConfState.
std::string ConfStateJson(const raft::ConfState& conf) {
  nlohmann::ordered_json json{{"voters", Numbers(conf.voters)}};
  if (!conf.learners.empty()) json["learners"] = Numbers(conf.learners);
  if (!conf.outgoing.empty()) json["voters_outgoing"] = Numbers(conf.outgoing);
  json["auto_leave"] = false;
  return json.dump();
}

absl::StatusOr<Pairs> Alarms(const kv::BackendReader& content) {
  PINTLE_ASSIGN_OR_RETURN(const std::string bytes,
                          Read(content, kv::ServerKey(kv::kAlarmsMetaName)));
  kv::AlarmSet alarms;
  if (!alarms.Parse(bytes)) return Damaged("alarms");
  Pairs pairs;
  for (const kv::Alarm& alarm : alarms.list()) pairs[EtcdAlarmKey(alarm)] = "";
  return pairs;
}

absl::StatusOr<Pairs> Auth(const kv::BackendReader& content) {
  PINTLE_ASSIGN_OR_RETURN(const std::string bytes,
                          Read(content, kv::ServerKey(kv::auth::kAuthMetaName)));
  std::optional<kv::auth::AuthSwitch> state = kv::auth::AuthSwitch();
  if (!bytes.empty()) state = kv::auth::ParseSwitch(bytes);
  if (!state) return Damaged("notes about authentication");
  return Pairs{{kAuthEnabledName, std::string(1, state->enabled ? '\1' : '\0')},
               {kAuthRevisionName, BigEndian64(state->revision)}};
}

absl::StatusOr<replica::MemberList> Members(const kv::BackendReader& content) {
  PINTLE_ASSIGN_OR_RETURN(const std::string bytes,
                          Read(content, kv::ServerKey(replica::kMembersMeta)));
  replica::MemberList list;
  if (!bytes.empty() && !replica::DecodeMemberList(bytes, list)) return Damaged("members");
  return list;
}

absl::StatusOr<Pairs> Meta(const kv::BackendReader& content, const kv::StoredState& state) {
  Pairs pairs{{kConsistentIndexName, BigEndian64(state.sequence.value())},
              {kTermName, BigEndian64(state.term)}};
  PINTLE_ASSIGN_OR_RETURN(const std::string conf_bytes,
                          Read(content, kv::ServerKey(replica::kConfStateMeta)));
  raft::ConfChange conf;
  if (!conf_bytes.empty()) {
    if (!raft::DecodeConfChange(conf_bytes, conf)) return Damaged("voters");
    pairs[kConfStateName] = ConfStateJson(conf.conf_state);
  }
  const std::pair<const char*, std::string> compactions[] = {
      {kScheduledCompactionName, kv::ScheduledCompactionKey()},
      {kFinishedCompactionName, kv::FinishedCompactionKey()}};
  for (const auto& [name, key] : compactions) {
    PINTLE_ASSIGN_OR_RETURN(const std::string value, Read(content, key));
    if (value.empty()) continue;
    const std::optional<int64_t> revision = kv::ParseNumber(value);
    if (!revision) return Damaged("compactions");
    pairs[name] = EtcdRecordKey({.revision = {*revision, 0}});
  }
  return pairs;
}

}  // namespace

// Once through everything, a slice at a time.
class EtcdExport::Pass {
 public:
  explicit Pass(const kv::BackendReader& content) : content_(content) {}

  absl::Status Step() {
    switch (stage_) {
      case Stage::kBegin:
        return Begin();
      case Stage::kRoles:
        return Roles();
      case Stage::kUsers:
        return Users();
      case Stage::kKeys:
        return Keys();
      case Stage::kLeases:
        return Leases();
      case Stage::kNegativeLeases:
        return NegativeLeases();
      case Stage::kEnd:
        return End();
      case Stage::kDone:
        break;
    }
    return absl::OkStatus();
  }
  bool done() const { return stage_ == Stage::kDone; }
  std::string TakePages() { return writer_.TakePages(); }
  const BoltMeta& meta() const { return writer_.meta(); }

 private:
  enum class Stage { kBegin, kRoles, kUsers, kKeys, kLeases, kNegativeLeases, kEnd, kDone };
  using Visit = absl::Status (Pass::*)(std::string_view key, std::string_view value);

  // One slice of [from_, last); moves to `next` at its end.
  absl::Status Scan(std::string_view last, Visit visit, bool& at_end) {
    size_t bytes = 0;
    absl::Status status;
    at_end = true;
    PINTLE_RETURN_IF_ERROR(
        content_.Scan(from_, last, [&](std::string_view key, std::string_view value) {
          if (bytes >= kSliceBytes) {
            at_end = false;
            return false;
          }
          bytes += key.size() + value.size();
          from_.assign(key);
          from_.push_back('\0');  // the first key behind it
          status = (this->*visit)(key, value);
          return status.ok();
        }));
    return status;
  }

  absl::Status Bucket(std::string_view name, const Pairs& pairs) {
    writer_.BeginBucket(name);
    for (const auto& [key, value] : pairs) PINTLE_RETURN_IF_ERROR(writer_.Put(key, value));
    writer_.EndBucket();
    return absl::OkStatus();
  }

  absl::Status Begin() {
    PINTLE_ASSIGN_OR_RETURN(const std::string bytes, Read(content_, kv::StateKey()));
    const std::optional<kv::StoredState> state = kv::ParseState(bytes);
    // A store that nothing was ever applied to has none.
    if (!bytes.empty() && !state) return Damaged("own notes");
    if (state) state_ = *state;
    PINTLE_ASSIGN_OR_RETURN(const Pairs alarms, Alarms(content_));
    PINTLE_RETURN_IF_ERROR(Bucket(kAlarmBucket, alarms));
    PINTLE_ASSIGN_OR_RETURN(const Pairs auth, Auth(content_));
    PINTLE_RETURN_IF_ERROR(Bucket(kAuthBucket, auth));
    writer_.BeginBucket(kAuthRolesBucket);
    from_ = kv::auth::RoleKey("");
    stage_ = Stage::kRoles;
    return absl::OkStatus();
  }

  // Roles and users: their messages are etcd's, under their names.
  absl::Status OneNamed(std::string_view key, std::string_view value) {
    return writer_.Put(key.substr(1), value);
  }
  absl::Status Roles() {
    bool at_end = false;
    PINTLE_RETURN_IF_ERROR(Scan(kv::auth::EndOfRoleKeys(), &Pass::OneNamed, at_end));
    if (!at_end) return absl::OkStatus();
    writer_.EndBucket();
    writer_.BeginBucket(kAuthUsersBucket);
    from_ = kv::auth::UserKey("");
    stage_ = Stage::kUsers;
    return absl::OkStatus();
  }
  absl::Status Users() {
    bool at_end = false;
    PINTLE_RETURN_IF_ERROR(Scan(kv::auth::EndOfUserKeys(), &Pass::OneNamed, at_end));
    if (!at_end) return absl::OkStatus();
    writer_.EndBucket();
    PINTLE_RETURN_IF_ERROR(Bucket(kClusterBucket, {}));
    writer_.BeginBucket(kKeyBucket);
    from_ = kv::FirstRecordKey(0);
    stage_ = Stage::kKeys;
    return absl::OkStatus();
  }

  absl::Status OneRecord(std::string_view key, std::string_view value) {
    const std::optional<kv::RecordId> id = kv::ParseRecordKey(key);
    kv::KeyValueView pair;
    if (!id || !kv::ParseKeyValue(value, pair)) return Damaged("records");
    last_main_ = id->revision.main;
    if (!id->tombstone) return writer_.Put(EtcdRecordKey(*id), value);
    return writer_.Put(EtcdRecordKey(*id), kv::EncodeKeyValue(kv::KeyValueView{.key = pair.key}));
  }

  // etcd takes the revision of its newest record for the store's. Where ours is beyond it, an empty
  // record says so, as after a restore with --bump-revision.
  absl::Status Keys() {
    bool at_end = false;
    PINTLE_RETURN_IF_ERROR(Scan(kv::FirstRecordKey(-1), &Pass::OneRecord, at_end));
    if (!at_end) return absl::OkStatus();
    if (last_main_ < state_.revision && state_.revision > 1) {
      PINTLE_RETURN_IF_ERROR(writer_.Put(EtcdRecordKey({.revision = {state_.revision, 0}}), ""));
    }
    writer_.EndBucket();
    writer_.BeginBucket(kLeaseBucket);
    from_ = kv::LeaseKey(kv::LeaseId(0));
    stage_ = Stage::kLeases;
    return absl::OkStatus();
  }

  absl::Status OneLease(std::string_view, std::string_view value) {
    const std::optional<kv::StoredLease> lease = kv::ParseLease(value);
    if (!lease) return Damaged("leases");
    return writer_.Put(BigEndian64(static_cast<uint64_t>(lease->id.value())), value);
  }

  // etcd's ids are sorted as if they had no sign.
  absl::Status Leases() {
    bool at_end = false;
    PINTLE_RETURN_IF_ERROR(Scan(kv::EndOfLeaseKeys(), &Pass::OneLease, at_end));
    if (!at_end) return absl::OkStatus();
    from_ = kv::FirstLeaseKey();
    stage_ = Stage::kNegativeLeases;
    return absl::OkStatus();
  }
  absl::Status NegativeLeases() {
    bool at_end = false;
    PINTLE_RETURN_IF_ERROR(Scan(kv::LeaseKey(kv::LeaseId(0)), &Pass::OneLease, at_end));
    if (!at_end) return absl::OkStatus();
    writer_.EndBucket();
    stage_ = Stage::kEnd;
    return absl::OkStatus();
  }

  absl::Status End() {
    PINTLE_ASSIGN_OR_RETURN(const replica::MemberList list, Members(content_));
    Pairs members;
    Pairs removed;
    for (const auto& member : list.members) {
      members[absl::StrFormat("%x", member.id)] = MemberJson(member);
    }
    for (const uint64_t id : list.removed) removed[absl::StrFormat("%x", id)] = "removed";
    PINTLE_RETURN_IF_ERROR(Bucket(kMembersBucket, members));
    PINTLE_RETURN_IF_ERROR(Bucket(kMembersRemovedBucket, removed));
    PINTLE_ASSIGN_OR_RETURN(const Pairs meta, Meta(content_, state_));
    PINTLE_RETURN_IF_ERROR(Bucket(kMetaBucket, meta));
    writer_.Finish();
    stage_ = Stage::kDone;
    return absl::OkStatus();
  }

  const kv::BackendReader& content_;
  BoltWriter writer_;
  Stage stage_ = Stage::kBegin;
  std::string from_;
  kv::StoredState state_;
  int64_t last_main_ = 0;
};

EtcdExport::EtcdExport(std::shared_ptr<const kv::BackendReader> content)
    : content_(std::move(content)), pass_(std::make_unique<Pass>(*content_)) {}

EtcdExport::~EtcdExport() = default;

absl::StatusOr<bool> EtcdExport::Measure() {
  PINTLE_RETURN_IF_ERROR(pass_->Step());
  pass_->TakePages();
  if (!pass_->done()) return true;
  pages_ = pass_->meta().pages;
  preface_ = BoltPreface(pass_->meta());
  pass_ = std::make_unique<Pass>(*content_);
  return false;
}

uint64_t EtcdExport::total_bytes() const { return pages_ * kBoltPageBytes; }

absl::StatusOr<std::string> EtcdExport::Next() {
  std::string bytes = std::exchange(preface_, {});
  while (bytes.empty() && !pass_->done()) {
    PINTLE_RETURN_IF_ERROR(pass_->Step());
    bytes = pass_->TakePages();
  }
  return bytes;
}

}  // namespace pintle::server::backup
