#include "server/etcd/auth_jwt.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "server/etcd/auth_signatures.h"

namespace pintle::server::etcd {
namespace {

using nlohmann::json;
using Options = std::map<std::string, std::string, std::less<>>;

constexpr absl::Duration kDefaultTtl = absl::Minutes(5);

absl::Status BadFlag(const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("--auth-token: ", why));
}

absl::StatusOr<Options> ParseOptions(const std::string& flag) {
  Options options;
  const std::vector<std::string> parts = absl::StrSplit(flag, ',');
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::vector<std::string> pair = absl::StrSplit(parts[i], '=');
    if (pair.size() != 2) return BadFlag(absl::StrCat("\"", parts[i], "\" is not name=value"));
    if (!options.emplace(pair[0], pair[1]).second) {
      return BadFlag(absl::StrCat(pair[0], " is given twice"));
    }
  }
  return options;
}

// Empty: the option is not there.
absl::StatusOr<std::string> FileOf(const Options& options, const std::string& name) {
  const auto option = options.find(name);
  if (option == options.end()) return std::string();
  std::ifstream file(option->second, std::ios::binary);
  std::ostringstream bytes;
  if (!file || !(bytes << file.rdbuf())) {
    return BadFlag(absl::StrCat("cannot read ", name, " ", option->second));
  }
  return std::move(bytes).str();
}

std::string Base64(std::string_view bytes) {
  std::string out;
  absl::WebSafeBase64Escape({bytes.data(), bytes.size()}, &out);
  return out;
}

std::optional<std::string> FromBase64(std::string_view text) {
  std::string out;
  if (text.find('=') != std::string_view::npos) return std::nullopt;
  if (!absl::WebSafeBase64Unescape({text.data(), text.size()}, &out)) return std::nullopt;
  return out;
}

std::optional<json> ParseObject(std::string_view base64) {
  const auto text = FromBase64(base64);
  if (!text.has_value()) return std::nullopt;
  json object = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return std::nullopt;
  return object;
}

// Absent is fine, another type is not.
bool IsTimeOr(const json& claims, const char* name, double absent, double& seconds) {
  seconds = absent;
  const auto claim = claims.find(name);
  if (claim == claims.end()) return true;
  if (!claim->is_number()) return false;
  seconds = claim->get<double>();
  return true;
}

bool IsGoodNow(const json& claims, absl::Time now) {
  const double time = absl::ToDoubleSeconds(now - absl::UnixEpoch());
  double expires = 0;
  double begins = 0;
  return IsTimeOr(claims, "exp", time + 1, expires) && IsTimeOr(claims, "nbf", time, begins) &&
         time < expires && begins <= time;
}

class SignedTokens final : public Jwt {
 public:
  SignedTokens(std::unique_ptr<Signatures> signatures, absl::Duration time_to_live)
      : signatures_(std::move(signatures)),
        time_to_live_(time_to_live),
        head_(Base64(json{{"alg", signatures_->name()}, {"typ", "JWT"}}.dump())) {}

  absl::StatusOr<std::string> Issue(std::string_view user, uint64_t auth_revision,
                                    absl::Time now) const override {
    if (!signatures_->can_sign()) {
      return absl::UnknownError("auth: token signing attempted with verify-only key");
    }
    const json claims = {{"exp", absl::ToUnixSeconds(now + time_to_live_)},
                         {"revision", auth_revision},
                         {"username", std::string(user)}};
    // A name need not be UTF-8: what is not is replaced, and fits no user then.
    const std::string body = claims.dump(-1, ' ', false, json::error_handler_t::replace);
    const std::string text = absl::StrCat(head_, ".", Base64(body));
    PINTLE_ASSIGN_OR_RETURN(const std::string signature, signatures_->Sign(text));
    return absl::StrCat(text, ".", Base64(signature));
  }

  std::optional<kv::auth::Caller> Verify(std::string_view token, absl::Time now) const override {
    if (token.size() > kMostTokenBytes) return std::nullopt;
    const size_t first = token.find('.');
    const size_t last = token.rfind('.');
    if (first == std::string_view::npos || first == last) return std::nullopt;
    const auto signature = FromBase64(token.substr(last + 1));
    const auto head = ParseObject(token.substr(0, first));
    if (!signature.has_value() || !head.has_value()) return std::nullopt;
    // The algorithm is ours to choose: one that the token chooses would let it forge itself.
    if (head->value("alg", json()) != json(signatures_->name())) return std::nullopt;
    if (!signatures_->Fits(token.substr(0, last), *signature)) return std::nullopt;
    const auto claims = ParseObject(token.substr(first + 1, last - first - 1));
    if (!claims.has_value() || !IsGoodNow(*claims, now)) return std::nullopt;
    return CallerOf(*claims);
  }

 private:
  static std::optional<kv::auth::Caller> CallerOf(const json& claims) {
    const auto user = claims.find("username");
    const auto revision = claims.find("revision");
    if (user == claims.end() || !user->is_string()) return std::nullopt;
    if (revision == claims.end() || !revision->is_number()) return std::nullopt;
    const auto number = revision->get<double>();
    if (!(number >= 0 && number < 9e15)) return std::nullopt;
    return kv::auth::Caller::User(user->get<std::string>(), static_cast<uint64_t>(number));
  }

  const std::unique_ptr<Signatures> signatures_;
  const absl::Duration time_to_live_;
  const std::string head_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Jwt>> Jwt::FromFlag(std::string_view flag) {
  const std::string_view type = flag.substr(0, flag.find(','));
  PINTLE_ASSIGN_OR_RETURN(const Options options, ParseOptions(std::string(flag)));
  if (type == "simple") return std::shared_ptr<const Jwt>();
  if (type != "jwt") return BadFlag("must be simple, or jwt with its options");
  const auto method = options.find("sign-method");
  if (method == options.end()) return BadFlag("sign-method is missing");
  absl::Duration time_to_live = kDefaultTtl;
  const auto ttl = options.find("ttl");
  if (ttl != options.end() &&
      (!absl::ParseDuration(ttl->second, &time_to_live) || time_to_live <= absl::ZeroDuration())) {
    return BadFlag(absl::StrCat("ttl ", ttl->second, " is no duration"));
  }
  PINTLE_ASSIGN_OR_RETURN(const std::string private_key, FileOf(options, "priv-key"));
  PINTLE_ASSIGN_OR_RETURN(const std::string public_key, FileOf(options, "pub-key"));
  auto signatures = Signatures::Make(method->second, private_key, public_key);
  if (!signatures.ok()) {
    const auto why = signatures.status().message();
    return BadFlag({why.data(), why.size()});
  }
  return std::make_shared<const SignedTokens>(*std::move(signatures), time_to_live);
}

}  // namespace pintle::server::etcd
