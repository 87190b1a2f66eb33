#include "server/logging.h"

#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace pintle::server {
namespace {

// Between the message and its fields (already JSON, each with a leading comma) inside one spdlog
// payload.
constexpr char kFieldsMark = '\x1e';

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
    const std::string_view payload(message.payload.data(), message.payload.size());
    const auto mark = payload.find(kFieldsMark);
    const std::string ts = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromChrono(message.time),
                                            absl::UTCTimeZone());
    std::string line = absl::StrCat("{\"level\":\"", std::string(LevelName(message.level)),
                                    "\",\"ts\":\"", ts, "\",\"caller\":\"pintle\",\"msg\":\"");
    AppendJsonText(line, payload.substr(0, mark));
    line += '"';
    if (mark != std::string_view::npos) line.append(payload.substr(mark + 1));
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
    std::string payload(message.payload.data(), message.payload.size());
    if (const auto mark = payload.find(kFieldsMark); mark != std::string::npos)
      payload[mark] = '\t';
    const std::string line =
        absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromChrono(message.time),
                                      absl::UTCTimeZone()),
                     "\t", std::string(LevelName(message.level)), "\t", payload, "\n");
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

}  // namespace

absl::Status OpenLog(const Config& config) {
  std::vector<spdlog::sink_ptr> sinks;
  for (const auto& output : config.log_outputs) {
    if (output == "default" || output == "stderr") {
      sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    } else if (output == "stdout") {
      sinks.push_back(std::make_shared<spdlog::sinks::stdout_sink_mt>());
    } else {
      try {
        sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(output));
      } catch (const spdlog::spdlog_ex& error) {
        return absl::InvalidArgumentError(
            absl::StrCat("--log-outputs=", output, ": ", error.what()));
      }
    }
  }
  auto logger = std::make_shared<spdlog::logger>("pintle", sinks.begin(), sinks.end());
  if (config.log_format == "console") {
    logger->set_formatter(std::make_unique<ConsoleFormatter>());
  } else {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  }
  logger->set_level(Level(config.log_level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

void Log(spdlog::level::level_enum level, std::string_view message,
         std::initializer_list<LogField> fields) {
  if (!spdlog::default_logger_raw()->should_log(level)) return;
  std::string payload(message);
  if (fields.size() > 0) payload += kFieldsMark;
  for (const auto& [name, value] : fields) {
    payload += ",\"";
    AppendJsonText(payload, name);
    payload += "\":\"";
    AppendJsonText(payload, value);
    payload += '"';
  }
  spdlog::default_logger_raw()->log(level, payload);
}

}  // namespace pintle::server
