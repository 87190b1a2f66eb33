#include "tests/differential/watches.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/differential/comparison.h"

namespace pintle::tests {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(5);
constexpr absl::Duration kCatchUp = absl::Milliseconds(300);
constexpr absl::Duration kPoll = absl::Milliseconds(10);

}  // namespace

Watches::Watches(Side& pintle, const std::string& pintle_token, Side& etcd,
                 const std::string& etcd_token) {
  pintle_.stream = pintle.Open("/etcdserverpb.Watch/Watch", pintle_token);
  etcd_.stream = etcd.Open("/etcdserverpb.Watch/Watch", etcd_token);
}

void Watches::Send(const etcdserverpb::WatchRequest& request) {
  pintle_.stream->Send(request.SerializeAsString());
  etcd_.stream->Send(request.SerializeAsString());
}

void Watches::Create(Generator& generator) {
  const auto request = generator.WatchCreate(++created_);
  requests_.push_back(request.ShortDebugString());
  Send(request);
  if (request.create_request().start_revision() > 0) last_from_past_ = absl::Now();
  // Nothing may change before both have said from where on they watch. (A watch that is refused is
  // answered under another id than its own.)
  for (Half* half : {&pintle_, &etcd_}) {
    const absl::Time end = absl::Now() + kLimit;
    while (half->answered < created_ && !half->ended && absl::Now() < end) Read(*half, kPoll);
  }
}

void Watches::LetCatchUp() const {
  absl::SleepFor(std::max(absl::ZeroDuration(), last_from_past_ + kCatchUp - absl::Now()));
}

void Watches::Cancel(int64_t watch_id) {
  // etcd says "canceled" again of a watch that a compaction has ended.
  const auto ended = [](const std::string& told) {
    return absl::StrContains(told, "canceled: true");
  };
  const auto has_ended = [&](Half& half) {
    return std::any_of(half.told[watch_id].begin(), half.told[watch_id].end(), ended);
  };
  for (Half* half : {&pintle_, &etcd_}) {
    if (half->told[watch_id].empty() || has_ended(*half)) return;
  }
  LetCatchUp();
  if (Compare().has_value()) return;  // what is under way when it is cancelled, etcd drops
  etcdserverpb::WatchRequest request;
  request.mutable_cancel_request()->set_watch_id(watch_id);
  Send(request);
  // Its header says the revision of that moment.
  for (Half* half : {&pintle_, &etcd_}) {
    const absl::Time end = absl::Now() + kLimit;
    while (!has_ended(*half) && !half->ended && absl::Now() < end) Read(*half, kPoll);
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

std::optional<std::string> Watches::FirstDifference() const {
  for (int64_t id = -1; id <= created_; ++id) {
    static const std::vector<std::string> kNothing;
    const auto of = [id](const Told& told) -> const std::vector<std::string>& {
      const auto found = told.find(id);
      return found == told.end() ? kNothing : found->second;
    };
    const auto& ours = of(pintle_.told);
    const auto& theirs = of(etcd_.told);
    const auto [a, b] = std::mismatch(ours.begin(), ours.end(), theirs.begin(), theirs.end());
    if (a == ours.end() && b == theirs.end()) continue;
    const std::string request = id > 0 ? requests_[static_cast<size_t>(id) - 1] : "";
    return absl::StrCat("watch ", id, " ", request, ", message ", a - ours.begin(),
                        "\n  pintle: ", a == ours.end() ? "nothing" : *a,
                        "\n  etcd:   ", b == theirs.end() ? "nothing" : *b);
  }
  return std::nullopt;
}

std::optional<std::string> Watches::Compare() {
  const absl::Time end = absl::Now() + kLimit;
  while (true) {
    Read(pintle_, absl::ZeroDuration());
    Read(etcd_, absl::ZeroDuration());
    std::optional<std::string> difference = FirstDifference();
    if (!difference.has_value() || absl::Now() > end) return difference;
    Read(etcd_, kPoll);
  }
}

}  // namespace pintle::tests
