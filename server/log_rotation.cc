#include "server/log_rotation.h"

#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace pintle::server {
namespace {

namespace fs = std::filesystem;

constexpr char kNameTime[] = "%Y-%m-%dT%H-%M-%E3S";

class RotatingSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  RotatingSink(fs::path path, LogRotation rotation) : path_(std::move(path)), rotation_(rotation) {}
  ~RotatingSink() override { Close(); }
  RotatingSink(const RotatingSink&) = delete;
  RotatingSink& operator=(const RotatingSink&) = delete;

  bool Open() {
    file_ = std::fopen(path_.c_str(), "ae");
    std::error_code ignored;
    const auto size = fs::file_size(path_, ignored);
    bytes_ = ignored ? 0 : static_cast<int64_t>(size);
    return file_ != nullptr;
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const auto size = static_cast<int64_t>(line.size());
    if (bytes_ > 0 && bytes_ + size > rotation_.max_megabytes << 20) Rotate();
    if (file_ == nullptr) return;
    std::fwrite(line.data(), 1, line.size(), file_);
    bytes_ += size;
  }
  void flush_() override {
    if (file_ != nullptr) std::fflush(file_);
  }

 private:
  void Close() {
    if (file_ != nullptr) std::fclose(file_);
    file_ = nullptr;
  }

  void Rotate() {
    Close();
    const absl::TimeZone zone = rotation_.local_time ? absl::LocalTimeZone() : absl::UTCTimeZone();
    const std::string stem = path_.stem().string();
    const std::string name = absl::StrCat(stem, "-", absl::FormatTime(kNameTime, absl::Now(), zone),
                                          path_.extension().string());
    std::error_code ignored;
    fs::rename(path_, path_.parent_path() / name, ignored);
    DropOld(stem);
    Open();
  }

  void DropOld(const std::string& stem) {
    std::error_code ignored;
    std::vector<fs::path> backups;
    const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(stem + "-") && entry.path().extension() == path_.extension()) {
        backups.push_back(entry.path());
      }
    }
    std::ranges::sort(backups, std::greater<>());  // the newest first
    const auto oldest =
        fs::file_time_type::clock::now() - std::chrono::hours(24 * rotation_.max_age_days);
    for (size_t i = 0; i < backups.size(); ++i) {
      const bool many =
          rotation_.max_backups > 0 && i >= static_cast<size_t>(rotation_.max_backups);
      const bool old =
          rotation_.max_age_days > 0 && fs::last_write_time(backups[i], ignored) < oldest;
      if (many || old) fs::remove(backups[i], ignored);
    }
  }

  const fs::path path_;
  const LogRotation rotation_;
  std::FILE* file_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<LogRotation> ParseLogRotation(const std::string& json) {
  LogRotation rotation;
  if (json.empty()) return rotation;
  const auto bad = [&](std::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("log rotation config: ", std::string(why), ": ", json));
  };
  const nlohmann::json parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return bad("not a JSON object");
  for (const auto& [key, value] : parsed.items()) {
    const bool number = value.is_number_integer() && value.get<int64_t>() >= 0;
    if (key == "maxsize" && number) {
      rotation.max_megabytes = std::clamp<int64_t>(value.get<int64_t>(), 0, 1 << 20);
    } else if (key == "maxage" && number) {
      rotation.max_age_days = std::min<int64_t>(value.get<int64_t>(), 36500);
    } else if (key == "maxbackups" && number) {
      rotation.max_backups = value.get<int64_t>();
    } else if (key == "localtime" && value.is_boolean()) {
      rotation.local_time = value.get<bool>();
    } else if (key == "compress" && value.is_boolean()) {
      if (value.get<bool>()) {
        return absl::UnimplementedError("log rotation config: compress is unimplemented");
      }
    } else {
      return bad(absl::StrCat("\"", key, "\" is unknown, or its value is of the wrong kind"));
    }
  }
  if (rotation.max_megabytes == 0) rotation.max_megabytes = 100;  // as lumberjack
  return rotation;
}

absl::StatusOr<spdlog::sink_ptr> MakeRotatingSink(const std::string& path, LogRotation rotation) {
  std::error_code ignored;  // what matters is whether the file opens
  fs::create_directories(fs::path(path).parent_path(), ignored);  // as lumberjack
  auto sink = std::make_shared<RotatingSink>(path, rotation);
  if (!sink->Open()) {
    return absl::InvalidArgumentError(absl::StrCat("--log-outputs=", path, ": cannot be opened"));
  }
  return sink;
}

}  // namespace pintle::server
