#include "server/logging.h"

#include <fcntl.h>
#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "server/log_rotation.h"

namespace pintle::server {
namespace {

// Between the message, its fields (already JSON, each with a leading comma) and the caller inside
// one spdlog payload.
constexpr char kFieldsMark = '\x1e';
constexpr char kCallerMark = '\x1d';

struct Pieces {
  std::string_view message;
  std::string_view fields;
  std::string_view caller = "pintle";
};

Pieces Split(const spdlog::details::log_msg& message) {
  std::string_view payload(message.payload.data(), message.payload.size());
  Pieces pieces;
  if (const auto mark = payload.rfind(kCallerMark); mark != std::string_view::npos) {
    pieces.caller = payload.substr(mark + 1);
    payload = payload.substr(0, mark);
  }
  const auto mark = payload.find(kFieldsMark);
  pieces.message = payload.substr(0, mark);
  if (mark != std::string_view::npos) pieces.fields = payload.substr(mark + 1);
  return pieces;
}

void AppendJsonText(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(c));
        } else {
          out.push_back(c);
        }
    }
  }
}

void AppendField(std::string& out, std::string_view name,
                 const std::variant<std::string, int64_t>& value) {
  out += ",\"";
  AppendJsonText(out, name);
  out += "\":";
  if (const auto* number = std::get_if<int64_t>(&value)) {
    absl::StrAppend(&out, *number);
    return;
  }
  out += '"';
  AppendJsonText(out, std::get<std::string>(value));
  out += '"';
}

std::string_view LevelName(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warn";
    case spdlog::level::err:
      return "error";
    default:
      return "fatal";
  }
}

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const Pieces pieces = Split(message);
    const std::string ts = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromChrono(message.time),
                                            absl::UTCTimeZone());
    std::string line =
        absl::StrCat("{\"level\":\"", std::string(LevelName(message.level)), "\",\"ts\":\"", ts,
                     "\",\"caller\":\"", std::string(pieces.caller), "\",\"msg\":\"");
    AppendJsonText(line, pieces.message);
    line += '"';
    line += pieces.fields;
    line += "}\n";
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

class ConsoleFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const Pieces pieces = Split(message);
    std::string line =
        absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromChrono(message.time),
                                      absl::UTCTimeZone()),
                     "\t", std::string(LevelName(message.level)), "\t", std::string(pieces.caller),
                     "\t", std::string(pieces.message));
    // The fields are a JSON object without its braces and with a comma in front.
    if (!pieces.fields.empty()) {
      absl::StrAppend(&line, "\t{", std::string(pieces.fields.substr(1)), "}");
    }
    line += '\n';
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<ConsoleFormatter>();
  }
};

spdlog::level::level_enum Level(std::string_view name) {
  if (name == "debug") return spdlog::level::debug;
  if (name == "warn") return spdlog::level::warn;
  if (name == "error") return spdlog::level::err;
  if (name == "panic" || name == "fatal") return spdlog::level::critical;
  return spdlog::level::info;
}

// Empty: as fits stderr.
std::unique_ptr<spdlog::formatter> MakeFormatter(std::string_view format) {
  const bool readable = format.empty() ? isatty(STDERR_FILENO) != 0 : format == "console";
  if (readable) return std::make_unique<ConsoleFormatter>();
  return std::make_unique<JsonFormatter>();
}

// The file, but no folder for it: spdlog would make one.
absl::Status CheckOpens(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file >= 0) {
    close(file);
    return absl::OkStatus();
  }
  std::string words = std::generic_category().message(errno);
  if (!words.empty()) words[0] = absl::ascii_tolower(static_cast<unsigned char>(words[0]));
  return absl::InvalidArgumentError(
      absl::StrCat("--log-outputs: open sink \"", path, "\": open ", path, ": ", words));
}

absl::StatusOr<spdlog::sink_ptr> MakeSink(const Config& config, const std::string& output) {
  if (output == "default" || output == "stderr") {
    return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  if (output == "stdout") return std::make_shared<spdlog::sinks::stdout_sink_mt>();
  if (config.enable_log_rotation) {
    PINTLE_ASSIGN_OR_RETURN(const LogRotation rotation,
                            ParseLogRotation(config.log_rotation_config_json));
    return MakeRotatingSink(output, rotation);
  }
  PINTLE_RETURN_IF_ERROR(CheckOpens(output));
  try {
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(output);
  } catch (const spdlog::spdlog_ex& error) {
    return absl::InvalidArgumentError(absl::StrCat("--log-outputs=", output, ": ", error.what()));
  }
}

}  // namespace

void OpenEarlyLog() {
  auto logger =
      std::make_shared<spdlog::logger>("pintle", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(MakeFormatter(""));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

absl::Status OpenLog(const Config& config) {
  std::vector<spdlog::sink_ptr> sinks;
  for (const auto& output : config.log_outputs) {
    PINTLE_ASSIGN_OR_RETURN(spdlog::sink_ptr sink, MakeSink(config, output));
    sinks.push_back(std::move(sink));
  }
  auto logger = std::make_shared<spdlog::logger>("pintle", sinks.begin(), sinks.end());
  const bool to_stderr = config.log_outputs == std::vector<std::string>{"default"} ||
                         config.log_outputs == std::vector<std::string>{"stderr"};
  const std::string format = config.log_format.empty() && !to_stderr ? "json" : config.log_format;
  logger->set_formatter(MakeFormatter(format));
  logger->set_level(Level(config.log_level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

void Log(spdlog::level::level_enum level, std::string_view message,
         std::initializer_list<LogField> fields, std::string_view file, int line) {
  if (!spdlog::default_logger_raw()->should_log(level)) return;
  std::string payload(message);
  if (fields.size() > 0) payload += kFieldsMark;
  for (const auto& [name, value] : fields) AppendField(payload, name, value);
  const size_t folder = file.rfind("server/");
  payload += kCallerMark;
  payload += folder == std::string_view::npos ? file : file.substr(folder);
  payload += absl::StrCat(":", line);
  spdlog::default_logger_raw()->log(level, payload);
}

}  // namespace pintle::server
