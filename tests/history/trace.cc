#include "tests/history/trace.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "tests/history/history.h"

namespace pintle::history {
namespace {

using Words = std::vector<std::string_view>;

struct Call {
  std::string kind;
  std::string outcome;  // of a read: its consistency
  int64_t began = 0;
  int64_t ended = 0;
  int64_t revision = 0;
  std::string key;
  std::optional<Pair> pair;  // of a read
  std::string value;         // of a put
  int64_t floor = 0;
};

struct Told {  // what one source or watch told of one revision
  std::string who;
  int64_t revision = 0;
  std::vector<Change> changes;
  bool progress = false;
  bool start = false;
};

class Trace {
 public:
  absl::Status Parse(std::string_view text);
  absl::StatusOr<TraceSummary> Check();

 private:
  bool ParseLine(const Words& words);
  bool ParseCall(const Words& words);
  static bool ParseChange(const Words& words, std::vector<Told>& into);
  absl::Status CheckCalls();
  absl::Status CheckCall(const Call& call);
  absl::Status CheckWatches();

  std::vector<Told> truth_;
  std::vector<Told> watched_;
  std::vector<Call> calls_;
  History history_;
  TraceSummary summary_;
};

bool Number(std::string_view word, int64_t& out) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  return error == std::errc() && end == word.data() + word.size();
}

// What stands between separators; nothing for two in a row.
Words Split(std::string_view text, char separator) {
  Words words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

bool Trace::ParseChange(const Words& words, std::vector<Told>& into) {
  int64_t revision = 0;
  if (words.size() < 5 || !Number(words[2], revision)) return false;
  Change change{.key = std::string(words[4]), .deleted = words[3] == "delete"};
  if (change.deleted ? words.size() != 5 : words.size() != 8 || words[3] != "put") return false;
  if (!change.deleted) {
    change.value = words[5];
    if (!Number(words[6], change.create_revision) || !Number(words[7], change.version))
      return false;
  }
  const bool joins = !into.empty() && into.back().who == words[1] &&
                     into.back().revision == revision && !into.back().changes.empty();
  if (!joins) into.push_back({.who = std::string(words[1]), .revision = revision});
  into.back().changes.push_back(std::move(change));
  return true;
}

bool Trace::ParseCall(const Words& words) {
  if (words.size() < 6) return false;
  Call call{.kind = std::string(words[0]), .outcome = std::string(words[3])};
  call.key = words[5];
  if (!Number(words[1], call.began) || !Number(words[2], call.ended) ||
      !Number(words[4], call.revision) || call.ended < call.began) {
    return false;
  }
  const bool read = call.kind == "read";
  const Words outcomes =
      read ? Words{"linearizable", "serializable"} : Words{"ok", "refused", "unknown"};
  if (std::find(outcomes.begin(), outcomes.end(), call.outcome) == outcomes.end()) return false;
  if (read && words.size() == 10) {
    Pair pair{.value = std::string(words[6])};
    if (!Number(words[7], pair.mod_revision) || !Number(words[8], pair.create_revision) ||
        !Number(words[9], pair.version)) {
      return false;
    }
    call.pair = pair;
  } else if (words.size() != (call.kind == "put" ? 7 : 6)) {
    return false;
  }
  if (call.kind == "put") call.value = words[6];
  calls_.push_back(std::move(call));
  return true;
}

bool Trace::ParseLine(const Words& words) {
  const std::string_view kind = words[0];
  if (kind == "truth") return ParseChange(words, truth_);
  if (kind == "event") return ParseChange(words, watched_);
  if (kind == "put" || kind == "delete" || kind == "read") return ParseCall(words);
  if (kind != "start" && kind != "progress") return false;
  Told told{.progress = kind == "progress", .start = kind == "start"};
  if (words.size() != 3 || !Number(words[2], told.revision)) return false;
  told.who = words[1];
  watched_.push_back(std::move(told));
  return true;
}

absl::Status Trace::Parse(std::string_view text) {
  int64_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const Words words = Split(line, ' ');
    if (words.empty() || words[0].front() == '#') continue;
    if (!ParseLine(words)) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line_number, " is no history: ", std::string(line.substr(0, 200))));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<TraceSummary> Trace::Check() {
  for (const Told& told : truth_) {
    PINTLE_RETURN_IF_ERROR(history_.Learn(told.who, told.revision, told.changes));
  }
  PINTLE_RETURN_IF_ERROR(CheckCalls());
  PINTLE_RETURN_IF_ERROR(CheckWatches());
  PINTLE_RETURN_IF_ERROR(history_.Finish());
  summary_.writes = history_.writes();
  summary_.reads = history_.reads();
  summary_.events = history_.events();
  summary_.last_revision = history_.last_revision();
  return summary_;
}

// The interval sweep: begins and ends in order of time, begins first where they are equal.
absl::Status Trace::CheckCalls() {
  struct Moment {
    int64_t at = 0;
    bool ends = false;
    size_t call = 0;
  };
  std::vector<Moment> moments;
  for (size_t i = 0; i < calls_.size(); ++i) {
    moments.push_back({calls_[i].began, false, i});
    moments.push_back({calls_[i].ended, true, i});
  }
  std::sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
    return std::tie(a.at, a.ends, a.call) < std::tie(b.at, b.ends, b.call);
  });
  for (const Moment& moment : moments) {
    Call& call = calls_[moment.call];
    if (!moment.ends) {
      call.floor = history_.Floor();
      continue;
    }
    PINTLE_RETURN_IF_ERROR(CheckCall(call));
  }
  return absl::OkStatus();
}

absl::Status Trace::CheckCall(const Call& call) {
  if (call.outcome == "unknown") {
    ++summary_.unknown;
    return absl::OkStatus();
  }
  if (call.outcome == "refused") return history_.NotWritten(call.value);
  if (call.kind == "read") {
    return history_.Read(call.outcome == "linearizable", call.floor, call.revision, call.key,
                         call.pair);
  }
  if (call.kind == "put") {
    return history_.Wrote(call.floor, call.revision, call.key, call.value);
  }
  return history_.Deleted(call.floor, call.revision, call.key);
}

absl::Status Trace::CheckWatches() {
  std::map<std::string, int64_t> cursors;
  for (const Told& told : watched_) {
    if (told.start) {
      if (!cursors.emplace(told.who, told.revision).second)
        return absl::InvalidArgumentError(absl::StrCat("watch ", told.who, " starts twice"));
      continue;
    }
    const auto cursor = cursors.find(told.who);
    if (cursor == cursors.end()) {
      return absl::InvalidArgumentError(absl::StrCat("watch ", told.who, " has no start"));
    }
    PINTLE_RETURN_IF_ERROR(told.progress
                               ? history_.Progress(cursor->second, told.revision)
                               : history_.Watched(cursor->second, told.revision, told.changes));
  }
  return absl::OkStatus();
}

}  // namespace

std::string EscapeWord(std::string_view word) {
  std::string out;
  for (const char character : word) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte <= ' ' || byte >= 127 || byte == '%') {
      absl::StrAppendFormat(&out, "%%%02x", byte);
    } else {
      out.push_back(character);
    }
  }
  return out.empty() ? "%" : out;
}

absl::StatusOr<TraceSummary> CheckTrace(std::string_view text) {
  Trace trace;
  PINTLE_RETURN_IF_ERROR(trace.Parse(text));
  return trace.Check();
}

}  // namespace pintle::history
