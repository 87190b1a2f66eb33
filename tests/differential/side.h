// Side: one of the two servers that are compared, asked over gRPC and waited for.
//
// Thread: the program's main thread; the connection lives on an I/O thread of its own. Limits: a
// call ends after kCallTimeout (then with its status), a stream keeps what it was told until it is
// taken; of streams that FirstOf opened, one at a time is open.
#pragma once

#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/grpc_client.h"

namespace pintle::tests {

inline constexpr absl::Duration kCallTimeout = absl::Seconds(60);

// What a server said: a message, or its status word for word.
using Answer = absl::StatusOr<std::string>;

// Nobody answers any more, or not in time; what comes after says nothing.
bool IsGone(const Answer& answer);

class Side {
 public:
  // `endpoint` is "127.0.0.1:2379".
  Side(net::Executor& executor, std::string name, const std::string& endpoint);
  ~Side();

  const std::string& name() const { return name_; }
  // `token`: empty, or one that this server gave.
  std::future<Answer> Call(const std::string& path, std::string request, std::string token = {});

  // A stream with all that came on it, in order.
  class Stream {
   public:
    virtual ~Stream() = default;
    virtual void Send(std::string message) = 0;
    virtual void HalfClose() = 0;
    // What came since the last time; waits until there is something, or the stream has ended, or
    // `limit`.
    virtual std::vector<std::string> Take(absl::Duration limit) = 0;
    // How it ended, if it has.
    virtual std::optional<absl::Status> end() const = 0;
  };
  std::unique_ptr<Stream> Open(const std::string& path, std::string token = {});
  // Opens a stream, sends one message, and is answered by the first that comes, or by its end. The
  // stream stays open until the next one is, and Next is answered by what comes next on it.
  Answer FirstOf(const std::string& path, std::string request, std::string token = {});
  Answer Next();
  // Sends one message, and is answered by all that comes, unless it ends in an error.
  absl::StatusOr<std::vector<std::string>> AllOf(const std::string& path, std::string request,
                                                 std::string token = {});

 private:
  net::Executor& executor_;
  std::string name_;
  std::unique_ptr<net::GrpcChannel> channel_;
  std::unique_ptr<Stream> stream_;   // of FirstOf
  std::deque<std::string> arrived_;  // on it, and not answered yet
};

}  // namespace pintle::tests
