// AlarmProposer: raises and clears alarms through the log, like any other proposal. Asking again
// for what is so already, or is under way, does nothing; what was lost is for the caller to ask
// again.
//
// Owner: Member. Threads: any; one mutex, not held while proposing. Bound: one proposal per alarm.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "kv/read_view.h"

namespace pintle::server::replica {

class AlarmProposer {
 public:
  struct Doors {
    // Proposes the body of a kAlarm entry; `done` when it was applied, or will not be waited for.
    std::function<void(std::string body, std::function<void()> done)> propose;
    std::function<std::shared_ptr<const kv::ReadView>()> view;
  };
  explicit AlarmProposer(Doors doors) : doors_(std::move(doors)) {}

  void Raise(const kv::Alarm& alarm);
  void Clear(const kv::Alarm& alarm);

 private:
  void Ask(kv::AlarmRequest::Action action, const kv::Alarm& alarm);

  const Doors doors_;
  std::mutex mutex_;
  std::set<kv::Alarm> under_way_;
};

}  // namespace pintle::server::replica
