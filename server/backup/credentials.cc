#include "server/backup/credentials.h"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/status_macros.h"

namespace pintle::server::backup {
namespace {

// What is typed is not shown while it lives.
class EchoOff {
 public:
  EchoOff() : terminal_(tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!terminal_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~EchoOff() {
    if (!terminal_) return;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stderr);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;

 private:
  termios before_{};
  const bool terminal_;
};

absl::StatusOr<std::string> AskPassword() {
  std::fputs("Password: ", stderr);
  const EchoOff quiet;
  std::string line;
  if (!std::getline(std::cin, line))
    return absl::FailedPreconditionError("--user without a password, and none was typed");
  return line;
}

}  // namespace

absl::StatusOr<std::optional<Credentials>> CredentialsOf(const std::string& user,
                                                         const std::string& password) {
  if (user.empty()) return std::nullopt;
  if (!password.empty()) return Credentials{user, password};
  const size_t colon = user.find(':');
  if (colon != std::string::npos) return Credentials{user.substr(0, colon), user.substr(colon + 1)};
  PINTLE_ASSIGN_OR_RETURN(std::string typed, AskPassword());
  return Credentials{user, std::move(typed)};
}

}  // namespace pintle::server::backup
