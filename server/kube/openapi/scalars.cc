#include "server/kube/openapi/scalars.h"

#include <cstdint>

#include "absl/strings/ascii.h"

namespace pintle::server::kube {
namespace {

constexpr std::string_view kSecondsLayout = "2006-01-02T15:04:05Z07:00";
constexpr std::string_view kMicrosLayout = "2006-01-02T15:04:05.000000Z07:00";

// Walks a time text by its layout and remembers the first place that does not fit.
class TimeReader {
 public:
  TimeReader(std::string_view text, std::string_view layout)
      : text_(text), rest_(text), layout_(layout) {}

  int Digits(std::string_view element) {
    int value = 0;
    for (size_t i = 0; i < element.size(); ++i) {
      if (i >= rest_.size() || !absl::ascii_isdigit(rest_[i])) return Fail(element);
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(element.size());
    return value;
  }

  void Literal(char expected) {
    if (rest_.empty() || rest_[0] != expected) {
      Fail(std::string_view(&layout_[layout_.find(expected)], 1));
      return;
    }
    rest_.remove_prefix(1);
  }

  // Nanoseconds behind the point; any number of digits when `digits` is 0, and none is fine too.
  int64_t Fraction(size_t digits) {
    if (rest_.size() < 2 || rest_[0] != '.' || !absl::ascii_isdigit(rest_[1])) {
      if (digits > 0) Fail(".000000");
      return 0;
    }
    size_t count = 0;
    int64_t nanos = 0;
    while (1 + count < rest_.size() && absl::ascii_isdigit(rest_[1 + count])) {
      if (count < 9) nanos = nanos * 10 + (rest_[1 + count] - '0');
      ++count;
    }
    if (digits > 0 && count != digits) {
      Fail(".000000");
      return 0;
    }
    for (size_t i = count; i < 9; ++i) nanos *= 10;
    rest_.remove_prefix(1 + count);
    return nanos;
  }

  // Seconds east of UTC.
  int Zone() {
    constexpr std::string_view kElement = "Z07:00";
    if (!rest_.empty() && rest_[0] == 'Z') {
      rest_.remove_prefix(1);
      return 0;
    }
    if (rest_.size() < 6 || (rest_[0] != '+' && rest_[0] != '-') || rest_[3] != ':') {
      return Fail(kElement);
    }
    const int sign = rest_[0] == '-' ? -1 : 1;
    rest_.remove_prefix(1);
    const int hours = Digits("00");
    Literal(':');
    const int minutes = Digits("00");
    return sign * (hours * 3600 + minutes * 60);
  }

  void OutOfRange(std::string_view what) {
    if (!error_.empty()) return;
    error_ = "parsing time \"" + std::string(text_) + "\": " + std::string(what) + " out of range";
  }

  void End() {
    if (error_.empty() && !rest_.empty()) {
      error_ =
          "parsing time \"" + std::string(text_) + "\": extra text: \"" + std::string(rest_) + "\"";
    }
  }

  const std::string& error() const { return error_; }

 private:
  int Fail(std::string_view element) {
    if (error_.empty()) {
      error_ = "parsing time \"" + std::string(text_) + "\" as \"" + std::string(layout_) +
               "\": cannot parse \"" + std::string(rest_) + "\" as \"" + std::string(element) +
               "\"";
    }
    rest_ = {};
    return 0;
  }

  std::string_view text_, rest_, layout_;
  std::string error_;
};

absl::Status ReadTime(std::string_view text, bool micros, absl::Time& time) {
  if (text.size() > 64) return absl::InvalidArgumentError("time text is too long");
  TimeReader reader(text, micros ? kMicrosLayout : kSecondsLayout);
  const int year = reader.Digits("2006");
  reader.Literal('-');
  const int month = reader.Digits("01");
  reader.Literal('-');
  const int day = reader.Digits("02");
  reader.Literal('T');
  const int hour = reader.Digits("15");
  reader.Literal(':');
  const int minute = reader.Digits("04");
  reader.Literal(':');
  const int second = reader.Digits("05");
  const int64_t nanos = reader.Fraction(micros ? 6 : 0);
  const int zone = reader.Zone();
  reader.End();
  if (month < 1 || month > 12) reader.OutOfRange("month");
  const absl::CivilSecond civil(year, month, day, hour, minute, second);
  if (civil.month() != month || civil.day() != day) reader.OutOfRange("day");
  if (hour > 23) reader.OutOfRange("hour");
  if (minute > 59) reader.OutOfRange("minute");
  if (second > 59) reader.OutOfRange("second");
  if (!reader.error().empty()) return absl::InvalidArgumentError(reader.error());
  time =
      absl::FromCivil(civil, absl::UTCTimeZone()) + absl::Nanoseconds(nanos) - absl::Seconds(zone);
  return absl::OkStatus();
}

}  // namespace

std::string Rfc3339Seconds(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string Rfc3339Micros(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

absl::Status CanonicalTime(std::string& text) {
  absl::Time time;
  absl::Status status = ReadTime(text, false, time);
  if (status.ok()) text = Rfc3339Seconds(time);
  return status;
}

absl::Status CanonicalMicroTime(std::string& text) {
  absl::Time time;
  absl::Status status = ReadTime(text, true, time);
  if (status.ok()) text = Rfc3339Micros(time);
  return status;
}

absl::Status CanonicalBase64(std::string& text) {
  std::string clean;
  clean.reserve(text.size());
  size_t padding = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r' || c == '\n') continue;
    const bool fits = c == '=' ? clean.size() % 4 >= 2 && ++padding <= 2
                               : padding == 0 && (absl::ascii_isalnum(c) || c == '+' || c == '/');
    if (!fits) {
      return absl::InvalidArgumentError("illegal base64 data at input byte " + std::to_string(i));
    }
    clean.push_back(c);
  }
  if (clean.size() % 4 != 0) {
    return absl::InvalidArgumentError("illegal base64 data at input byte " +
                                      std::to_string(text.size()));
  }
  text = std::move(clean);
  return absl::OkStatus();
}

}  // namespace pintle::server::kube
