#include "server/etcd/pprof.h"

#include <array>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/debugging/symbolize.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "server/etcd/cpu_profile.h"
#include "server/etcd/health_checks.h"
#include "server/etcd/http_replies.h"

namespace pintle::server::etcd {
namespace {

constexpr std::string_view kFolder = "/debug/pprof";
constexpr int kDefaultSeconds = 30;
constexpr std::string_view kIndex =
    "<html><head><title>/debug/pprof/</title></head><body>\n"
    "<a href=\"cmdline\">cmdline</a> the command line<br>\n"
    "<a href=\"profile\">profile</a> CPU time of 30 seconds, or of ?seconds=<br>\n"
    "<a href=\"symbol\">symbol</a> names of addresses, for pprof<br>\n"
    "</body></html>\n";

using ExchangePtr = std::shared_ptr<net::HttpExchange>;

void RespondCommandLine(net::HttpExchange& exchange) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string line{std::istreambuf_iterator<char>(file), {}};
  if (!line.empty() && line.back() == '\0') line.pop_back();
  exchange.Respond(200, PlainHeaders(kPlainText), std::move(line));
}

// What is under way for one exchange; its OnClose lets go of it.
struct Profiling {
  std::unique_ptr<CpuProfile> profile;
  std::unique_ptr<net::Executor::Timer> timer;
};

void RespondProfile(const net::HttpRequest& request, const ExchangePtr& exchange) {
  int seconds = kDefaultSeconds;
  const std::vector<std::string> asked = QueryValues(request.query, "seconds");
  if (!asked.empty() && (!absl::SimpleAtoi(asked.front(), &seconds) || seconds <= 0)) {
    seconds = kDefaultSeconds;  // as Go's
  }
  if (seconds > kMaxProfileSeconds) {
    return RespondError(*exchange, 400,
                        absl::StrCat("a profile takes at most ", kMaxProfileSeconds, " seconds"));
  }
  auto profile = CpuProfile::Start();
  if (!profile.ok()) {
    return RespondError(
        *exchange, 500,
        absl::StrCat("Could not enable CPU profiling: ", profile.status().message()));
  }
  auto profiling = std::make_shared<Profiling>();
  profiling->profile = *std::move(profile);
  profiling->timer =
      exchange->executor().After(absl::Seconds(seconds), [&waiting = *profiling, exchange] {
        net::Headers headers = PlainHeaders("application/octet-stream");
        headers.Add("content-disposition", "attachment; filename=\"profile\"");
        headers.Add("x-content-type-options", "nosniff");
        exchange->Respond(200, std::move(headers), waiting.profile->Finish());
      });
  exchange->OnClose([profiling] {});
}

void RespondSymbols(const net::HttpRequest& request, net::HttpExchange& exchange) {
  std::string answer = "num_symbols: 1\n";  // some: how many does not matter
  if (request.method == "POST") {
    const std::vector<std::string> addresses =
        absl::StrSplit(request.body, absl::MaxSplits('+', kMaxSymbols));
    if (addresses.size() > kMaxSymbols) {
      return RespondError(exchange, 400,
                          absl::StrCat("at most ", kMaxSymbols, " addresses at a time"));
    }
    for (const std::string& text : addresses) {
      uint64_t address = 0;
      std::array<char, 1024> name{};
      if (!absl::SimpleHexAtoi(text, &address) || address == 0) continue;
      if (!absl::Symbolize(reinterpret_cast<const void*>(address), name.data(), name.size()))
        continue;
      absl::StrAppendFormat(&answer, "%#x %s\n", address, name.data());
    }
  }
  exchange.Respond(200, PlainHeaders(kPlainText), std::move(answer));
}

}  // namespace

bool HandlePprof(const net::HttpRequest& request, const ExchangePtr& exchange) {
  std::string_view path = request.path;
  if (!path.starts_with(kFolder)) return false;
  path.remove_prefix(kFolder.size());
  if (!path.empty() && path.front() != '/') return false;
  if (path == "/symbol") {
    RespondSymbols(request, *exchange);
  } else if (!RequireGet(request, *exchange)) {
    return true;
  } else if (path.empty() || path == "/") {
    exchange->Respond(200, PlainHeaders("text/html; charset=utf-8"), std::string(kIndex));
  } else if (path == "/cmdline") {
    RespondCommandLine(*exchange);
  } else if (path == "/profile") {
    RespondProfile(request, exchange);
  } else {
    RespondError(*exchange, 501, "unimplemented: there are cmdline, profile and symbol");
  }
  return true;
}

}  // namespace pintle::server::etcd
