// The errors of a member, as etcd's clients know them: code and text, in one table (etcd-api 2.1).
#pragma once

#include "absl/status/status.h"

namespace pintle::server::replica {

absl::Status ErrTimeout();                     // UNAVAILABLE  etcdserver: request timed out
absl::Status ErrTimeoutDueToLeaderFail();      // …, possibly due to previous leader failure
absl::Status ErrTimeoutDueToConnectionLost();  // …, possibly due to connection lost
absl::Status ErrLeaderChanged();               // UNAVAILABLE  etcdserver: leader changed
absl::Status ErrNoLeader();                    // UNAVAILABLE  etcdserver: no leader
absl::Status ErrNotLeader();                   // FAILED_PRECONDITION  etcdserver: not leader
absl::Status ErrBadLeaderTransferee();         // FAILED_PRECONDITION  …: bad leader transferee
absl::Status ErrNotCapable();                  // FAILED_PRECONDITION  etcdserver: not capable
absl::Status ErrStopped();                     // UNAVAILABLE  etcdserver: server stopped
absl::Status ErrUnhealthy();                   // UNAVAILABLE  etcdserver: unhealthy cluster
absl::Status ErrStoreUnderRepair();            // UNAVAILABLE  pintle: this member's store …
absl::Status ErrInvalidConfChange();           // FAILED_PRECONDITION  …: cannot be changed so
absl::Status ErrMemberIdExists();              // FAILED_PRECONDITION  …: member ID already exist
absl::Status ErrPeerUrlsExist();               // FAILED_PRECONDITION  …: Peer URLs already exists
absl::Status ErrBadMemberUrls();     // INVALID_ARGUMENT  …: given member URLs are invalid
absl::Status ErrMemberNotFound();    // NOT_FOUND  etcdserver: member not found
absl::Status ErrMemberNotLearner();  // FAILED_PRECONDITION  …: can only promote a learner
absl::Status ErrLearnerNotReady();   // FAILED_PRECONDITION  …: which is in sync
absl::Status ErrTooManyLearners();   // FAILED_PRECONDITION  …: too many learner members
absl::Status ErrNotEnoughStarted();  // UNKNOWN (etcd's wire code)  …: not enough started
absl::Status ErrTooManyRequests();   // UNKNOWN (etcd's wire code)  etcdserver: too many requests
absl::Status ErrRequestTooLarge();   // INVALID_ARGUMENT  etcdserver: request is too large

}  // namespace pintle::server::replica
