#include "tests/differential/watches.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "tests/differential/comparison.h"

namespace pintle::tests {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(20);
constexpr absl::Duration kPoll = absl::Milliseconds(10);

bool IsEnd(const std::string& told) { return absl::StrContains(told, "canceled: true"); }

}  // namespace

Watches::Watches(Side& pintle, const std::string& pintle_token, Side& etcd,
                 const std::string& etcd_token) {
  pintle_.stream = pintle.Open("/etcdserverpb.Watch/Watch", pintle_token);
  etcd_.stream = etcd.Open("/etcdserverpb.Watch/Watch", etcd_token);
}

const std::vector<std::string>& Watches::Half::Of(int64_t watch_id) const {
  static const std::vector<std::string> kNothing;
  const auto found = told.find(watch_id);
  return found == told.end() ? kNothing : found->second;
}

void Watches::Send(const etcdserverpb::WatchRequest& request) {
  pintle_.stream->Send(request.SerializeAsString());
  etcd_.stream->Send(request.SerializeAsString());
}

void Watches::Create(const etcdserverpb::WatchRequest& request) {
  ++created_;
  requests_.push_back(request.ShortDebugString());
  Send(request);
  behind_ |= request.create_request().start_revision() > 0;
  // Nothing may change before both have said from where on they watch. (A watch that is refused is
  // answered under another id than its own.)
  ReadUntil([this](const Half& half) { return half.answered >= created_; });
}

bool Watches::Sees(const std::string& key, int64_t revision) {
  etcdserverpb::WatchRequest request;
  const int64_t id = created_ + 1;
  request.mutable_create_request()->set_watch_id(id);
  request.mutable_create_request()->set_key(key);
  request.mutable_create_request()->set_start_revision(revision);
  Create(request);
  const auto has_ended = [id](const Half& half) {
    return half.Of(id).empty() || IsEnd(half.Of(id).front());
  };
  const auto sees = [id](const Half& half) { return half.Of(id).size() > 1; };
  ReadUntil([&](const Half& half) { return has_ended(half) || sees(half); });
  return sees(pintle_) && sees(etcd_);
}

void Watches::Cancel(int64_t watch_id) {
  // etcd says "canceled" again of a watch that a compaction has ended.
  const auto has_ended = [watch_id](const Half& half) {
    return std::any_of(half.Of(watch_id).begin(), half.Of(watch_id).end(), IsEnd);
  };
  for (const Half* half : {&pintle_, &etcd_}) {
    if (half->Of(watch_id).empty() || has_ended(*half)) return;
  }
  if (Compare().has_value()) return;  // what is under way when it is cancelled, etcd drops
  etcdserverpb::WatchRequest request;
  request.mutable_cancel_request()->set_watch_id(watch_id);
  Send(request);
  // Its header says the revision of that moment.
  ReadUntil(has_ended);
}

template <typename Condition>
void Watches::ReadUntil(Condition condition) {
  const absl::Time end = absl::Now() + kLimit;
  for (Half* half : {&pintle_, &etcd_}) {
    while (!condition(*half) && !half->ended && absl::Now() < end) Read(*half, kPoll);
  }
}

void Watches::Read(Half& half, absl::Duration limit) {
  for (const std::string& message : half.stream->Take(limit)) {
    etcdserverpb::WatchResponse response;
    if (!response.ParseFromString(message)) {
      half.told[0].push_back("no message");
      continue;
    }
    std::vector<std::string>& told = half.told[response.watch_id()];
    if (response.created()) ++half.answered;
    if (response.created() || response.canceled()) told.push_back(DescribeControl(response));
    for (const mvccpb::Event& event : response.events()) {
      told.push_back(DescribeEvent(event));
      ++events_;
    }
  }
  if (half.ended) return;
  if (const std::optional<absl::Status> end = half.stream->end()) {
    half.ended = true;
    half.told[-1].push_back(end->ToString());
  }
}

std::optional<std::string> Watches::Differences() const {
  std::vector<std::string> differences;
  for (int64_t id = -1; id <= created_; ++id) {
    const auto& ours = pintle_.Of(id);
    const auto& theirs = etcd_.Of(id);
    const auto [a, b] = std::mismatch(ours.begin(), ours.end(), theirs.begin(), theirs.end());
    if (a == ours.end() && b == theirs.end()) continue;
    const std::string request = id > 0 ? requests_[static_cast<size_t>(id) - 1] : "";
    differences.push_back(absl::StrCat("watch ", id, " ", request, ", message ", a - ours.begin(),
                                       "\n  pintle: ", a == ours.end() ? "nothing" : *a,
                                       "\n  etcd:   ", b == theirs.end() ? "nothing" : *b));
  }
  if (differences.empty()) return std::nullopt;
  return absl::StrJoin(differences, "\n");
}

std::optional<std::string> Watches::Compare() {
  const absl::Time end = absl::Now() + kLimit;
  while (true) {
    Read(pintle_, absl::ZeroDuration());
    Read(etcd_, absl::ZeroDuration());
    std::optional<std::string> difference = Differences();
    if (!difference.has_value() || absl::Now() > end) return difference;
    Read(etcd_, kPoll);
  }
}

}  // namespace pintle::tests
