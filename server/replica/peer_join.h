// Join: what somebody who joins a running cluster asks its members first: who belongs to it.
//
// Blocks; before anything else of the member runs. All are asked, again and again, until the newest
// answer is enough or the patience is over. Errors are one line for the operator: DEADLINE_EXCEEDED
// and why not; FAILED_PRECONDITION at once when an etcd answers. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/tls_policy.h"
#include "server/replica/member_list.h"
#include "server/replica/peer_address.h"
#include "server/replica/peer_greeting.h"

namespace pintle::server::replica {

class Join {
 public:
  // `members`: where each of them listens. `tls`: for addresses that want it; may be null.
  Join(std::vector<std::vector<PeerAddress>> members, std::shared_ptr<net::TlsPolicy> tls)
      : members_(std::move(members)), tls_(std::move(tls)) {}

  // Until the list has a member with exactly `own_peer_urls`, or a majority says that its data is
  // lost (JoinAs tells which).
  absl::StatusOr<JoinFacts> AskWhoWeAre(const std::vector<std::string>& own_peer_urls,
                                        absl::Duration patience);
  // Until anybody has answered.
  absl::StatusOr<MemberList> AskWhoTheyAre(absl::Duration patience);

 private:
  absl::StatusOr<JoinFacts> Ask(absl::Duration patience,
                                const std::function<bool(const JoinAnswers&)>& is_enough);
  absl::Status AskAll(JoinAnswers& answers);

  const std::vector<std::vector<PeerAddress>> members_;
  const std::shared_ptr<net::TlsPolicy> tls_;
  std::string problem_ = "--initial-cluster names nobody else";
};

}  // namespace pintle::server::replica
