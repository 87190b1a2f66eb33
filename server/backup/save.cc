#include "server/backup/save.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "net/grpc_client.h"
#include "net/server.h"
#include "proto/etcd/rpc.pb.h"
#include "server/backup/sha256.h"

namespace pintle::server::backup {
namespace {

constexpr char kAuthNotEnabled[] = "etcdserver: authentication is not enabled";

// Writes what comes, all but the hash at its end.
class SnapshotWriter {
 public:
  SnapshotWriter(storage::File& file, const Progress& progress)
      : file_(file), progress_(progress) {}

  absl::Status Take(const std::string& message) {
    etcdserverpb::SnapshotResponse response;
    if (!response.ParseFromString(message))
      return absl::DataLossError("the member's answer is no SnapshotResponse");
    const std::string_view piece = response.blob();
    // The hash comes last, alone, when nothing remains.
    if (response.remaining_bytes() == 0 && piece.size() == Sha256::kBytes) {
      stored_hash_ = piece;
    } else {
      hash_.Add(piece);
    }
    PINTLE_RETURN_IF_ERROR(file_.WriteAt(written_, std::span(&piece, 1)));
    written_ += piece.size();
    progress_("saving", written_, written_ + response.remaining_bytes());
    return absl::OkStatus();
  }

  absl::Status Finish() {
    if (stored_hash_.empty() || stored_hash_ != hash_.Finish()) {
      return absl::DataLossError(
          absl::StrCat("what came, ", written_,
                       " bytes, is not what its SHA-256 says, or has none: take it again"));
    }
    return file_.Sync();
  }

 private:
  storage::File& file_;
  const Progress& progress_;
  Sha256 hash_;
  std::string stored_hash_;
  uint64_t written_ = 0;
};

// One call, on an I/O thread that also writes: what does not fit on the disk yet stays with the
// member.
class SnapshotCall {
 public:
  SnapshotCall(const SaveOptions& options, SnapshotWriter& writer)
      : options_(options), writer_(writer) {}

  absl::Status Run() {
    net::IoThreads threads(1);
    net::Executor& executor = threads.executor(0);
    executor.Post([this, &executor] { Begin(executor); });
    absl::Status result = WaitForEnd();
    executor.Post([this] {
      stream_.reset();
      channel_.reset();
      const std::lock_guard lock(mutex_);
      closed_ = true;
      changed_.notify_one();
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_; });
    return result;
  }

 private:
  void Begin(net::Executor& executor) {
    const net::Endpoint& member = options_.member;
    channel_ = std::make_unique<net::GrpcChannel>(executor, member.host, member.port, member.tls);
    if (!options_.credentials) return OpenStream("");
    etcdserverpb::AuthenticateRequest request;
    request.set_name(options_.credentials->user);
    request.set_password(options_.credentials->password);
    channel_->Unary("/etcdserverpb.Auth/Authenticate", request.SerializeAsString(),
                    options_.patience,
                    [this](const absl::StatusOr<std::string>& answer) { TakeToken(answer); });
  }

  // As etcd's clients: who names a user where nobody has to goes on without.
  void TakeToken(const absl::StatusOr<std::string>& answer) {
    etcdserverpb::AuthenticateResponse response;
    if (!answer.ok() && answer.status().message() != kAuthNotEnabled) return Note(answer.status());
    if (answer.ok() && !response.ParseFromString(*answer))
      return Note(absl::DataLossError("the member's answer is no AuthenticateResponse"));
    OpenStream(response.token());
  }

  void OpenStream(const std::string& token) {
    stream_ = channel_->Open("/etcdserverpb.Maintenance/Snapshot",
                             {.on_message =
                                  [this](const std::string& message) {
                                    const absl::Status taken = writer_.Take(message);
                                    Note(taken.ok() ? std::nullopt : std::optional(taken));
                                  },
                              .on_end = [this](const absl::Status& status) { Note(status); }},
                             token);
    stream_->Send(etcdserverpb::SnapshotRequest().SerializeAsString());
    stream_->HalfClose();
  }

  // Something has come; `end`: the first one counts.
  void Note(const std::optional<absl::Status>& end) {
    const std::lock_guard lock(mutex_);
    ++heard_;
    if (!end_) end_ = end;
    changed_.notify_one();
  }

  absl::Status WaitForEnd() {
    std::unique_lock lock(mutex_);
    while (!end_) {
      const uint64_t before = heard_;
      if (!changed_.wait_for(lock, absl::ToChronoMilliseconds(options_.patience),
                             [&] { return end_ || heard_ != before; })) {
        return absl::DeadlineExceededError("the member has sent nothing for a long time");
      }
    }
    return *end_;
  }

  const SaveOptions& options_;
  SnapshotWriter& writer_;
  std::unique_ptr<net::GrpcChannel> channel_;         // I/O thread
  std::unique_ptr<net::GrpcChannel::Stream> stream_;  // I/O thread
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t heard_ = 0;
  std::optional<absl::Status> end_;
  bool closed_ = false;
};

absl::Status SaveTo(storage::FileSystem& files, const std::string& path, const SaveOptions& options,
                    const Progress& progress) {
  PINTLE_ASSIGN_OR_RETURN(const std::unique_ptr<storage::File> file, files.OpenForWrite(path));
  PINTLE_RETURN_IF_ERROR(file->Truncate(0));
  SnapshotWriter writer(*file, progress);
  PINTLE_RETURN_IF_ERROR(SnapshotCall(options, writer).Run());
  return writer.Finish();
}

}  // namespace

absl::Status Save(storage::FileSystem& files, const SaveOptions& options,
                  const Progress& progress) {
  const std::string part = options.path + ".part";
  absl::Status saved = SaveTo(files, part, options, progress);
  if (saved.ok()) saved = files.Rename(part, options.path);
  if (!saved.ok()) {
    files.Remove(part).IgnoreError();
    return saved;
  }
  const size_t slash = options.path.rfind('/');
  return files.SyncFolder(slash == std::string::npos ? "." : options.path.substr(0, slash + 1));
}

}  // namespace pintle::server::backup
