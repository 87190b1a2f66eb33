// Small texts of HTTP answers: reason phrases, Date, header values made safe. Private to net/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "net/http.h"

namespace pintle::net {

// "Not Found"; "Unknown" for codes we have no name for.
std::string_view ReasonPhrase(int status);

// "Sun, 06 Nov 1994 08:49:37 GMT", renewed each second; valid until the thread's next call.
std::string_view HttpDate();

// Line ends and NUL in a value would let whoever supplied it write headers of his own: they become
// spaces.
std::string SafeHeaderValue(std::string_view value);

// Whether an answer of this status carries neither body nor Content-Length.
bool StatusForbidsBody(int status);

// Connection, Content-Length, Transfer-Encoding, …: written by the session, never by a handler.
bool IsSessionHeader(std::string_view lower_case_name);

// A plain-text answer of our own, "404 Not Found".
std::string PlainErrorBody(int status);

// For the log: why a request is refused whose fields are larger than that.
std::string HeadTooLarge(size_t most_bytes);

// Splits "/path?query".
void SplitTarget(std::string_view target, std::string& path, std::string& query);

}  // namespace pintle::net
