#include "server/etcd/auth_passwords.h"

#include <crypt.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"

namespace pintle::server::etcd {
namespace {

constexpr size_t kMostPasswordBytes = 72;
// "$2b$" names the algorithm without the quirks of old implementations: what Go calls "$2a$".
constexpr std::string_view kCryptPrefix = "$2b$";
constexpr size_t kPrefixBytes = kCryptPrefix.size();
constexpr size_t kHashBytes = 60;

bool IsBcrypt(std::string_view hash) {
  return hash.size() == kHashBytes && hash.starts_with("$2") && hash[3] == '$';
}

// Empty: it cannot be done.
std::string Crypt(const std::string& password, const std::string& setting) {
  const auto data = std::make_unique<crypt_data>();  // 32 KiB
  const char* hash = crypt_rn(password.c_str(), setting.c_str(), data.get(), sizeof(crypt_data));
  return hash == nullptr || hash[0] == '*' ? std::string() : std::string(hash);
}

// Of that cost; which password fits is nobody's business.
std::string HashOfNobody(int cost) {
  std::string hash = absl::StrFormat("%s%02d$", std::string(kCryptPrefix), cost);
  hash.resize(kHashBytes, '.');
  return hash;
}

bool SameBytes(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return difference == 0;
}

}  // namespace

absl::StatusOr<std::string> HashPassword(const std::string& password, int cost) {
  if (password.size() > kMostPasswordBytes) {
    return absl::UnknownError("bcrypt: password length exceeds 72 bytes");
  }
  if (password.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("pintle: a password cannot have a zero byte");
  }
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  if (crypt_gensalt_rn(kCryptPrefix.data(), static_cast<unsigned long>(cost), nullptr, 0,
                       setting.data(), static_cast<int>(setting.size())) == nullptr) {
    return absl::InternalError("pintle: no salt for a password");
  }
  std::string hash = Crypt(password, setting.data());
  if (!IsBcrypt(hash)) return absl::InternalError("pintle: a password could not be hashed");
  return hash.replace(0, kPrefixBytes, "$2a$");
}

bool PasswordFits(const std::string& hash, const std::string& password, int cost) {
  const bool can_fit = IsBcrypt(hash) && password.find('\0') == std::string::npos;
  std::string setting = IsBcrypt(hash) ? hash : HashOfNobody(cost);
  setting.replace(0, kPrefixBytes, kCryptPrefix);
  // As Go's: of a longer password the first 72 bytes count.
  const std::string found = Crypt(password.substr(0, kMostPasswordBytes), setting);
  return SameBytes(found, setting) && can_fit;
}

bool PasswordWorker::Do(absl::AnyInvocable<void()> work) {
  if (threads_wanted_ == 0) {
    work();
    return true;
  }
  const std::lock_guard lock(mutex_);
  if (stopped_ || waiting_.size() >= kMostWaiting) return false;
  while (static_cast<int>(threads_.size()) < threads_wanted_)
    threads_.emplace_back([this] { Run(); });
  waiting_.push_back(std::move(work));
  wake_.notify_one();
  return true;
}

void PasswordWorker::Stop() {
  std::vector<std::thread> threads;
  std::deque<absl::AnyInvocable<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    std::swap(threads, threads_);
    std::swap(dropped, waiting_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

void PasswordWorker::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    absl::AnyInvocable<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

}  // namespace pintle::server::etcd
