// Passwords: bcrypt, as etcd keeps them, on threads of its own (one check costs 50 ms and more with
// the default cost, and an I/O thread has others to serve).
//
// Hashes are the text that Go's bcrypt writes ("$2a$10$…"), and both read each other's. Differences
// that clients can see: none but that a password with a zero byte is refused (libcrypt ends there).
// Owner: EtcdFace; threads begin with the first password. Limit: kMostWaiting, then
// "etcdserver: too many requests". Callbacks run on one of its threads.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pintle::server::etcd {

inline constexpr int kMinBcryptCost = 4;
inline constexpr int kMaxBcryptCost = 31;
inline constexpr int kDefaultBcryptCost = 10;

// Errors: UNKNOWN "bcrypt: password length exceeds 72 bytes", as etcd; INVALID_ARGUMENT, a zero
// byte.
absl::StatusOr<std::string> HashPassword(const std::string& password, int cost);
// What is no hash fits nothing, and takes as long to say so as a hash of that cost: the time must
// not tell whether there is such a user.
bool PasswordFits(const std::string& hash, const std::string& password, int cost);

class PasswordWorker {
 public:
  static constexpr size_t kMostWaiting = 1000;

  // 0 threads: work is done where it is given.
  explicit PasswordWorker(int threads) : threads_wanted_(threads) {}
  ~PasswordWorker() { Stop(); }

  // False: too many wait, or it has stopped; `work` is dropped.
  bool Do(absl::AnyInvocable<void()> work);
  // What is under way is finished, what waits is dropped.
  void Stop();

 private:
  void Run();

  const int threads_wanted_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<absl::AnyInvocable<void()>> waiting_;
  std::vector<std::thread> threads_;
  bool stopped_ = false;
};

}  // namespace pintle::server::etcd
