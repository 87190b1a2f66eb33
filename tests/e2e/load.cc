// The clients of the fault tests: several at once, each asking members at random, and watches on
// everything; all that they were told goes to a file in the text form of tests/history/trace.h.
//
// A client has one call under way: a put, a guarded put, a delete, a linearizable or a serializable
// read of one of a few keys. As etcd's own client does, and no more: a call that surely never
// reached a server (dialing failed, REFUSED_STREAM) goes to the next member, and so does a read
// that was answered UNAVAILABLE, within the call's five seconds. Any other failure is one, and of
// unknown outcome. Ends on SIGTERM: then the calls under way are waited for, and the event streams
// of all members are read from revision 2 up to the last revision: the truth. Prints a line of
// figures each second
// ("acks <count> failed <count> longest <ms>": the longest time between two acknowledgements since
// the last line), and exits 1 when the truth could not be read within 30 seconds.
//
// Values of keys that are not ours are named by revision and key, never written out.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/byte_codec.h"
#include "bench/load/messages.h"
#include "net/grpc_client.h"
#include "net/server.h"
#include "tests/history/trace.h"

namespace pintle::tests {
namespace {

constexpr int kKeys = 12;

int64_t Now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

struct KeyValue {
  std::string_view key;
  std::string_view value;
  int64_t create = 0;
  int64_t mod = 0;
  int64_t version = 0;
};

KeyValue ReadKeyValue(std::string_view bytes) {
  KeyValue out;
  base::ByteReader reader(bytes);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (field.number == 1) out.key = field.bytes;
    if (field.number == 2) out.create = static_cast<int64_t>(field.integer);
    if (field.number == 3) out.mod = static_cast<int64_t>(field.integer);
    if (field.number == 4) out.version = static_cast<int64_t>(field.integer);
    if (field.number == 5) out.value = field.bytes;
  }
  return out;
}

// The first length-delimited field of that number; empty: absent.
std::string_view Part(std::string_view bytes, uint32_t number) {
  base::ByteReader reader(bytes);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (field.number == number && field.wire_type == 2) return field.bytes;
  }
  return {};
}

uint64_t Integer(std::string_view bytes, uint32_t number) {
  base::ByteReader reader(bytes);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (field.number == number && field.wire_type == 0) return field.integer;
  }
  return 0;
}

// What all parts share; lives on one thread but for the two counters.
struct Run {
  net::Executor& executor;
  std::vector<std::string> endpoints;
  std::string prefix;
  std::FILE* file = nullptr;
  absl::Duration timeout = absl::Seconds(5);
  uint64_t random = 88172645463325252ULL;
  int64_t next_value = 0;
  std::vector<int64_t> mod_revisions = std::vector<int64_t>(kKeys, 0);  // last known, for guards
  int64_t last_revision = 1;
  int64_t last_ack = 0;
  bool stopping = false;
  std::atomic<int64_t> acks = 0;
  std::atomic<int64_t> failed = 0;
  std::atomic<int64_t> longest_ns = 0;

  uint64_t Random(uint64_t bound) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random % bound;
  }
  std::unique_ptr<net::GrpcChannel> Dial(size_t i) {
    const std::vector<std::string> parts =
        absl::StrSplit(absl::StripPrefix(endpoints[i], "http://"), absl::MaxSplits(':', 1));
    uint32_t port = 0;
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &port)) {
      std::fprintf(stderr, "e2e_load: bad endpoint %s\n", endpoints[i].c_str());
      std::exit(2);
    }
    return std::make_unique<net::GrpcChannel>(executor, parts[0], static_cast<uint16_t>(port));
  }
  void Line(const std::string& line) {
    std::fwrite(line.data(), 1, line.size(), file);
    std::fputc('\n', file);
  }
  void Acknowledged() {
    const int64_t now = Now();
    if (last_ack != 0) longest_ns = std::max<int64_t>(longest_ns, now - last_ack);
    last_ack = now;
    ++acks;
  }
};

enum Kind { kPut, kGuardedPut, kDelete, kRead, kLocalRead };

class Client {
 public:
  Client(Run& run, size_t first) : run_(run), endpoint_(first % run.endpoints.size()) {
    for (size_t i = 0; i < run.endpoints.size(); ++i) channels_.push_back(run.Dial(i));
  }
  bool busy() const { return busy_; }
  void Next();

 private:
  struct Call {
    int kind = 0;
    int number = 0;  // of the key
    std::string key;
    std::string value;
    int64_t began = 0;
    const char* method = nullptr;
    std::string request;
  };
  void Ask(Call call, const char* method, std::string request);
  void Send(const Call& call);
  bool MayAskAgain(const Call& call, const absl::Status& status) const;
  void OnReply(const Call& call, const absl::StatusOr<std::string>& reply);
  void Record(const Call& call, std::string_view reply);
  void RecordRead(const Call& call, bool linearizable, int64_t revision, std::string_view range);
  void RecordChange(const Call& call, const char* outcome, int64_t revision);

  Run& run_;
  std::vector<std::unique_ptr<net::GrpcChannel>> channels_;
  std::unique_ptr<net::Executor::Timer> pause_;
  size_t endpoint_;
  bool busy_ = false;
};

void Client::Next() {
  busy_ = false;
  if (run_.stopping) return;
  busy_ = true;
  if (run_.Random(8) == 0) endpoint_ = run_.Random(run_.endpoints.size());
  const uint64_t dice = run_.Random(10);
  Call call{.number = static_cast<int>(run_.Random(kKeys)), .began = Now()};
  call.key = absl::StrCat(run_.prefix, call.number);
  if (dice < 6) call.value = absl::StrCat("v", ++run_.next_value);
  if (dice < 4) {
    call.kind = kPut;
    Ask(call, "/etcdserverpb.KV/Put", bench::PutMessage(call.key, call.value));
  } else if (dice < 6) {
    call.kind = kGuardedPut;
    Ask(call, "/etcdserverpb.KV/Txn",
        bench::GuardedPutMessage(call.key, call.value,
                                 run_.mod_revisions[static_cast<size_t>(call.number)]));
  } else if (dice < 7) {
    call.kind = kDelete;
    std::string request;
    base::AppendBytesField(request, 1, call.key);
    Ask(call, "/etcdserverpb.KV/DeleteRange", std::move(request));
  } else {
    call.kind = dice < 9 ? kRead : kLocalRead;
    Ask(call, "/etcdserverpb.KV/Range",
        bench::RangeMessage(call.key, "", 0, call.kind == kLocalRead));
  }
}

void Client::Ask(Call call, const char* method, std::string request) {
  call.method = method;
  call.request = std::move(request);
  Send(call);
}

void Client::Send(const Call& call) {
  const absl::Duration left = run_.timeout - absl::Nanoseconds(Now() - call.began);
  channels_[endpoint_]->Unary(
      call.method, call.request, left,
      [this, call](absl::StatusOr<std::string> reply) { OnReply(call, reply); });
}

bool Client::MayAskAgain(const Call& call, const absl::Status& status) const {
  constexpr absl::Duration kTooLate = absl::Milliseconds(100);
  if (run_.timeout - absl::Nanoseconds(Now() - call.began) < kTooLate) return false;
  const bool never_sent = absl::StrContains(status.message(), "Error while dialing") ||
                          absl::StrContains(status.message(), "REFUSED_STREAM");
  const bool reads = call.kind == kRead || call.kind == kLocalRead;
  return never_sent || (reads && absl::IsUnavailable(status));
}

void Client::OnReply(const Call& call, const absl::StatusOr<std::string>& reply) {
  if (reply.ok()) {
    Record(call, *reply);
    run_.Acknowledged();
    pause_ = run_.executor.After(absl::Milliseconds(2), [this] { Next(); });
    return;
  }
  const std::string& asked = run_.endpoints[endpoint_];
  endpoint_ = (endpoint_ + 1) % run_.endpoints.size();
  if (MayAskAgain(call, reply.status())) {
    pause_ = run_.executor.After(absl::Milliseconds(25), [this, call] { Send(call); });
    return;
  }
  ++run_.failed;
  std::printf("failed %s %s\n", asked.c_str(), std::string(reply.status().ToString()).c_str());
  if (call.kind <= kDelete) RecordChange(call, "unknown", 0);
  pause_ = run_.executor.After(absl::Milliseconds(50), [this] { Next(); });
}

void Client::RecordChange(const Call& call, const char* outcome, int64_t revision) {
  std::string line = absl::StrCat(call.kind == kDelete ? "delete " : "put ", call.began, " ", Now(),
                                  " ", outcome, " ", revision, " ", call.key);
  if (call.kind != kDelete) absl::StrAppend(&line, " ", call.value);
  run_.Line(line);
  if (revision != 0) run_.mod_revisions[static_cast<size_t>(call.number)] = revision;
}

void Client::RecordRead(const Call& call, bool linearizable, int64_t revision,
                        std::string_view range) {
  std::string line =
      absl::StrCat("read ", call.began, " ", Now(),
                   linearizable ? " linearizable " : " serializable ", revision, " ", call.key);
  const std::string_view found = Part(range, 2);
  const KeyValue pair = ReadKeyValue(found);
  if (!found.empty()) {
    absl::StrAppend(&line, " ", history::EscapeWord(pair.value), " ", pair.mod, " ", pair.create,
                    " ", pair.version);
  }
  run_.Line(line);
  run_.mod_revisions[static_cast<size_t>(call.number)] = pair.mod;
}

void Client::Record(const Call& call, std::string_view reply) {
  const int64_t revision = bench::HeaderRevision(reply);
  run_.last_revision = std::max(run_.last_revision, revision);
  const bool deleted_nothing = call.kind == kDelete && Integer(reply, 2) == 0;
  if (call.kind == kRead || call.kind == kLocalRead || deleted_nothing) {
    RecordRead(call, call.kind != kLocalRead, revision, deleted_nothing ? "" : reply);
  } else if (call.kind == kGuardedPut && !bench::TxnSucceeded(reply)) {
    RecordChange(call, "refused", 0);
    RecordRead(call, true, revision, Part(Part(reply, 3), 1));
  } else {
    RecordChange(call, "ok", revision);
  }
}

// Holds a lease by keep-alives on one stream; when the stream ends ("lease stream ended") it goes
// on at the next member. A lease that was not kept is a failure.
class LeaseHolder {
 public:
  LeaseHolder(Run& run, size_t endpoint) : run_(run), endpoint_(endpoint) { Grant(); }

 private:
  static constexpr uint64_t kTtlSeconds = 5;

  void Grant() {
    channel_ = run_.Dial(endpoint_);
    std::string request;
    base::AppendVarintField(request, 1, kTtlSeconds);
    channel_->Unary("/etcdserverpb.Lease/LeaseGrant", std::move(request), run_.timeout,
                    [this](const absl::StatusOr<std::string>& reply) {
                      if (!reply.ok()) return Fail(reply.status().ToString());
                      id_ = Integer(*reply, 2);
                      Open();
                    });
  }
  void Open() {
    stream_ = channel_->Open("/etcdserverpb.Lease/LeaseKeepAlive",
                             {.on_message = [this](const std::string& m) { OnAnswer(m); },
                              .on_end = [this](const absl::Status& s) { OnEnd(s); }});
    KeepAlive();
  }
  void KeepAlive() {
    std::string request;
    base::AppendVarintField(request, 1, id_);
    stream_->Send(request);
  }
  void OnAnswer(std::string_view answer) {
    if (Integer(answer, 3) == 0) return Fail("the lease has expired");
    pause_ = run_.executor.After(absl::Milliseconds(100), [this] { KeepAlive(); });
  }
  void OnEnd(const absl::Status& status) {
    std::printf("lease stream ended: %s\n", status.ToString().c_str());
    endpoint_ = (endpoint_ + 1) % run_.endpoints.size();
    pause_ = run_.executor.After(absl::Milliseconds(25), [this] {
      stream_.reset();
      channel_ = run_.Dial(endpoint_);
      Open();
    });
  }
  void Fail(const std::string& why) {
    ++run_.failed;
    std::printf("failed lease %s\n", why.c_str());
  }

  Run& run_;
  std::unique_ptr<net::GrpcChannel> channel_;
  std::unique_ptr<net::GrpcChannel::Stream> stream_;
  std::unique_ptr<net::Executor::Timer> pause_;
  size_t endpoint_;
  uint64_t id_ = 0;
};

// A watch of everything at one member; when it ends it goes on at the next from where it was.
class Watcher {
 public:
  // `word`: "event" for a watch under test, "truth" for a reading of one member, which must not
  // move to another.
  Watcher(Run& run, std::string word, std::string name, size_t endpoint)
      : run_(run), word_(std::move(word)), name_(std::move(name)), endpoint_(endpoint) {
    if (word_ == "event") run_.Line(absl::StrCat("start ", name_, " 1"));
    Begin();
  }
  int64_t seen() const { return seen_; }

 private:
  void Begin();
  void OnMessage(std::string_view message);
  void OnEvent(std::string_view event);
  void Again() {
    if (word_ == "event") endpoint_ = (endpoint_ + 1) % run_.endpoints.size();
    pause_ = run_.executor.After(absl::Milliseconds(200), [this] { Begin(); });
  }

  Run& run_;
  std::string word_;
  std::string name_;
  size_t endpoint_;
  std::unique_ptr<net::GrpcChannel> channel_;
  std::unique_ptr<net::GrpcChannel::Stream> stream_;
  std::unique_ptr<net::Executor::Timer> pause_;
  int64_t seen_ = 1;
};

void Watcher::Begin() {
  stream_.reset();
  channel_ = run_.Dial(endpoint_);
  stream_ = channel_->Open("/etcdserverpb.Watch/Watch",
                           {.on_message = [this](const std::string& m) { OnMessage(m); },
                            .on_end = [this](const absl::Status&) { Again(); }});
  std::string create;
  const std::string_view zero("\0", 1);
  base::AppendBytesField(create, 1, zero);
  base::AppendBytesField(create, 2, zero);
  base::AppendVarintField(create, 3, static_cast<uint64_t>(seen_ + 1));
  base::AppendVarintField(create, 4, 1);  // progress_notify
  std::string request;
  base::AppendMessageField(request, 1, create);
  stream_->Send(request);
}

void Watcher::OnMessage(std::string_view message) {
  if (Integer(message, 4) != 0) {
    std::fprintf(stderr, "e2e_load: %s was cancelled: %s\n", name_.c_str(),
                 std::string(Part(message, 6)).c_str());
    Again();
    return;
  }
  int events = 0;
  base::ByteReader reader(message);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (field.number != 11) continue;
    OnEvent(field.bytes);
    ++events;
  }
  if (events == 0 && Integer(message, 3) == 0 && word_ == "event") {
    run_.Line(absl::StrCat("progress ", name_, " ", bench::HeaderRevision(message)));
  }
}

void Watcher::OnEvent(std::string_view event) {
  const KeyValue pair = ReadKeyValue(Part(event, 2));
  const bool deleted = Integer(event, 1) == 1;
  std::string line = absl::StrCat(word_, " ", name_, " ", pair.mod, deleted ? " delete " : " put ",
                                  history::EscapeWord(pair.key));
  if (!deleted) {
    const bool ours = pair.key.substr(0, run_.prefix.size()) == run_.prefix;
    absl::StrAppend(&line, " ",
                    ours ? history::EscapeWord(pair.value)
                         : absl::StrCat("foreign@", pair.mod, history::EscapeWord(pair.key)),
                    " ", pair.create, " ", pair.version);
  }
  run_.Line(line);
  seen_ = pair.mod;
}

class Program {
 public:
  Program(Run& run, int clients, int watches) : run_(run) {
    for (int i = 0; i < watches; ++i) {
      watches_.push_back(std::make_unique<Watcher>(run, "event", absl::StrCat("w", i),
                                                   static_cast<size_t>(i) % run.endpoints.size()));
    }
    for (int i = 0; i < clients; ++i) {
      clients_.push_back(std::make_unique<Client>(run, static_cast<size_t>(i)));
      clients_.back()->Next();
    }
    for (size_t i = 0; i < run.endpoints.size(); ++i)
      leases_.push_back(std::make_unique<LeaseHolder>(run, i));
  }
  void Stop() {
    run_.stopping = true;
    Wait();
  }
  bool done() const { return done_; }

 private:
  // One look each 50 ms: first for the calls under way, then for the truth of every member.
  void Wait() {
    const bool busy = std::any_of(clients_.begin(), clients_.end(),
                                  [](const auto& client) { return client->busy(); });
    if (!busy && truth_.empty()) {
      for (size_t i = 0; i < run_.endpoints.size(); ++i)
        truth_.push_back(std::make_unique<Watcher>(run_, "truth", absl::StrCat("m", i + 1), i));
    }
    const auto complete = [this](const auto& watch) { return watch->seen() >= run_.last_revision; };
    if (!truth_.empty() && std::all_of(truth_.begin(), truth_.end(), complete) &&
        std::all_of(watches_.begin(), watches_.end(), complete)) {
      done_ = true;
      return;
    }
    timer_ = run_.executor.After(absl::Milliseconds(50), [this] { Wait(); });
  }

  Run& run_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<LeaseHolder>> leases_;  // one at each member
  std::vector<std::unique_ptr<Watcher>> watches_;
  std::vector<std::unique_ptr<Watcher>> truth_;
  std::unique_ptr<net::Executor::Timer> timer_;
  std::atomic<bool> done_ = false;
};

void PrintFigures(Run& run) {
  std::printf("acks %ld failed %ld longest %ld\n", static_cast<long>(run.acks),
              static_cast<long>(run.failed),
              static_cast<long>(run.longest_ns.exchange(0) / 1'000'000));
  std::fflush(stdout);
}

bool RunUntilSignal(Run& run, int clients, int watches, const sigset_t& signals) {
  std::unique_ptr<Program> program;
  run.executor.Post([&] { program = std::make_unique<Program>(run, clients, watches); });
  const timespec second{1, 0};
  while (sigtimedwait(&signals, nullptr, &second) < 0) PrintFigures(run);
  std::atomic<bool> finished = false;
  std::atomic<bool> complete = false;
  run.executor.Post([&] { program->Stop(); });
  for (int i = 0; i < 600 && !complete; ++i) {
    absl::SleepFor(absl::Milliseconds(50));
    complete = program->done();
  }
  PrintFigures(run);
  run.executor.Post([&] {
    program.reset();
    finished = true;
  });
  while (!finished) absl::SleepFor(absl::Milliseconds(5));
  return complete;
}

int Main(int argc, char** argv) {
  std::string endpoints;
  std::string prefix = "load/";
  std::string path;
  int clients = 6;
  int watches = 2;
  CLI::App app("Concurrent clients that write down what they were told; see tests/e2e/load.cc",
               "e2e_load");
  app.add_option("--endpoints", endpoints)->required();
  app.add_option("--history", path)->required();
  app.add_option("--prefix", prefix);
  app.add_option("--clients", clients)->check(CLI::Range(1, 100));
  app.add_option("--watches", watches)->check(CLI::Range(0, 100));
  CLI11_PARSE(app, argc, argv);

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) {
    std::perror(path.c_str());
    return 2;
  }
  net::IoThreads threads(1);
  Run run{.executor = threads.executor(0), .endpoints = absl::StrSplit(endpoints, ',')};
  run.prefix = prefix;
  run.file = file;
  const bool complete = RunUntilSignal(run, clients, watches, signals);
  threads.Stop();
  std::fclose(file);
  if (!complete) std::fprintf(stderr, "e2e_load: the members did not tell everything in time\n");
  return complete ? 0 : 1;
}

}  // namespace
}  // namespace pintle::tests

int main(int argc, char** argv) { return pintle::tests::Main(argc, argv); }
