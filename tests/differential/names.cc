#include "tests/differential/names.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace pintle::tests {
namespace {

using namespace etcdserverpb;  // NOLINT: a page of its messages
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The field that says which member is meant; nullptr in most requests.
const FieldDescriptor* MemberField(const Request& request) {
  static constexpr std::array kFields = {
      std::pair{"/etcdserverpb.Cluster/MemberRemove", "ID"},
      std::pair{"/etcdserverpb.Cluster/MemberUpdate", "ID"},
      std::pair{"/etcdserverpb.Cluster/MemberPromote", "ID"},
      std::pair{"/etcdserverpb.Maintenance/MoveLeader", "targetID"},
      std::pair{"/etcdserverpb.Maintenance/Alarm", "memberID"},
  };
  for (const auto& [path, field] : kFields) {
    if (request.path == path) return MethodOf(path).request->FindFieldByName(field);
  }
  return nullptr;
}

}  // namespace

uint64_t Names::IdOf(uint64_t stand_in) const {
  if (stand_in == kItself) return itself_;
  return stand_in == kLearner && learner_ != 0 ? learner_ : stand_in;
}

uint64_t Names::StandInOf(uint64_t id) const {
  if (id != 0 && id == itself_) return kItself;
  return id != 0 && id == learner_ ? kLearner : id;
}

void Names::LearnItself(Side& side) {
  const Answer answer = side.Call("/etcdserverpb.Cluster/MemberList", "").get();
  MemberListResponse list;
  if (!answer.ok() || !list.ParseFromString(*answer) || list.members_size() != 1) return;
  itself_ = list.members(0).id();
  for (const std::string& url : list.members(0).peerurls()) urls_[url] = "its peer URL";
  for (const std::string& url : list.members(0).clienturls()) urls_[url] = "its client URL";
}

void Names::Learn(const Request& request, const Answer& answer) {
  if (!answer.ok()) return;
  if (request.path == "/etcdserverpb.Cluster/MemberAdd") {
    MemberAddResponse added;
    if (added.ParseFromString(*answer)) learner_ = added.member().id();
  } else if (request.path == "/etcdserverpb.Auth/Authenticate") {
    AuthenticateRequest asked;
    AuthenticateResponse given;
    if (asked.ParseFromString(request.bytes) && given.ParseFromString(*answer)) {
      tokens_[asked.name()] = given.token();
    }
  }
}

std::string Names::Token(const Request& request) const {
  if (request.user.empty()) return "";
  const auto found = tokens_.find(request.user);
  return found == tokens_.end() ? "nobody.1" : found->second;
}

std::string Names::Bytes(const Request& request) const {
  const FieldDescriptor* field = MemberField(request);
  if (field == nullptr || request.damaged) return request.bytes;
  const std::unique_ptr<Message> message = NewMessage(*MethodOf(request.path).request);
  if (!message->ParseFromString(request.bytes)) return request.bytes;
  const auto& reflection = *message->GetReflection();
  reflection.SetUInt64(message.get(), field, IdOf(reflection.GetUInt64(*message, field)));
  return message->SerializeAsString();
}

void Names::Hide(Member& member) const {
  member.set_id(StandInOf(member.id()));
  for (auto* urls : {member.mutable_peerurls(), member.mutable_clienturls()}) {
    for (std::string& url : *urls) {
      if (const auto found = urls_.find(url); found != urls_.end()) url = found->second;
    }
  }
}

// They come in the order of their ids, which says nothing.
template <typename... Responses>
void Names::HideMembers(Message& answer) const {
  const auto hide = [this](auto* response) {
    if (response == nullptr) return;
    auto& members = *response->mutable_members();
    for (Member& member : members) Hide(member);
    std::sort(members.begin(), members.end(),
              [](const Member& a, const Member& b) { return a.id() < b.id(); });
  };
  (hide(dynamic_cast<Responses*>(&answer)), ...);
}

void Names::Hide(Message& answer) const {
  if (auto* alarms = dynamic_cast<AlarmResponse*>(&answer)) {
    for (AlarmMember& alarm : *alarms->mutable_alarms()) {
      alarm.set_memberid(StandInOf(alarm.memberid()));
    }
  } else if (auto* status = dynamic_cast<StatusResponse*>(&answer)) {
    status->set_leader(StandInOf(status->leader()));
    for (std::string& error : *status->mutable_errors()) {
      absl::StrReplaceAll(
          {{absl::StrCat("memberID:", itself_), absl::StrCat("memberID:", kItself)}}, &error);
    }
  }
  if (auto* added = dynamic_cast<MemberAddResponse*>(&answer)) {
    if (added->has_member()) Hide(*added->mutable_member());
  }
  HideMembers<MemberListResponse, MemberAddResponse, MemberRemoveResponse, MemberUpdateResponse,
              MemberPromoteResponse>(answer);
}

}  // namespace pintle::tests
