#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/differential/generator.h"

namespace pintle::tests {
namespace {

using namespace etcdserverpb;  // NOLINT: a page of its messages

constexpr int kUsers = 4;
constexpr int kWithAuth = 500;      // requests
constexpr int kWithoutAuth = 2500;  // requests

std::string GrantedEnd(std::string key) {
  if (key.size() % 3 == 1) return "";
  if (key.size() % 3 == 2 || key.empty() || key.back() == '\xff') return std::string(1, '\0');
  ++key.back();
  return key;
}

template <typename Message>
Message Named(const std::string& name) {
  Message message;
  message.set_name(name);
  return message;
}

AuthUserAddRequest Add(const std::string& user) {
  auto add = Named<AuthUserAddRequest>(user);
  add.set_password("secret");
  return add;
}

AuthUserGrantRoleRequest Grant(const std::string& user, const std::string& role) {
  AuthUserGrantRoleRequest grant;
  grant.set_user(user);
  grant.set_role(role);
  return grant;
}

}  // namespace

Request Generator::AuthCall() {
  const auto name = [this](const char* kind) {
    if (OneIn(15)) return std::string();
    // There is no root while auth is off: so that only the script can switch it on.
    if (auth_left_ > 0 && OneIn(10)) return std::string("root");
    return absl::StrCat(kind, Below(kUsers));
  };
  const std::string user = name("user");
  const std::string role = name("role");
  const int dice = Below(auth_left_ > 0 ? 18 : 15);
  if (dice < 5) return UserCall(user, role);
  if (dice < 12) return RoleCall(role);
  if (dice == 12) {
    return OneIn(2) ? RequestOf("Auth/UserList", AuthUserListRequest(), true)
                    : RequestOf("Auth/RoleList", AuthRoleListRequest(), true);
  }
  if (dice == 13) {
    Request request = OneIn(2) ? RequestOf("Auth/AuthDisable", AuthDisableRequest(), false)
                               : RequestOf("Auth/AuthEnable", AuthEnableRequest(), false);
    request.user = auth_left_ > 0 ? "user1" : "";  // for root it would be the end of it
    return request;
  }
  if (dice == 14) return RequestOf("Auth/AuthStatus", AuthStatusRequest(), true);
  return Login(user);
}

Request Generator::UserCall(const std::string& user, const std::string& role) {
  switch (Below(6)) {
    case 0: {
      AuthUserAddRequest add;
      add.set_name(user);
      add.set_password(OneIn(5) ? "" : "secret");
      if (OneIn(4)) add.mutable_options()->set_no_password(true);
      return RequestOf("Auth/UserAdd", add, false);
    }
    case 1: {
      AuthUserDeleteRequest remove;
      remove.set_name(user);
      return RequestOf("Auth/UserDelete", remove, false);
    }
    case 2: {
      AuthUserGetRequest get;
      get.set_name(user);
      return RequestOf("Auth/UserGet", get, true);
    }
    case 3: {
      AuthUserChangePasswordRequest change;
      change.set_name(user == "root" ? "user0" : user);  // the script needs its token
      change.set_password("secret");
      return RequestOf("Auth/UserChangePassword", change, false);
    }
    case 4: {
      AuthUserGrantRoleRequest grant;
      grant.set_user(user);
      grant.set_role(role);
      return RequestOf("Auth/UserGrantRole", grant, false);
    }
    default: {
      AuthUserRevokeRoleRequest revoke;
      revoke.set_name(user);
      revoke.set_role(role);
      return RequestOf("Auth/UserRevokeRole", revoke, false);
    }
  }
}

Request Generator::RoleCall(const std::string& role) {
  switch (Below(6)) {
    case 0: {
      AuthRoleAddRequest add;
      add.set_name(role);
      return RequestOf("Auth/RoleAdd", add, false);
    }
    case 1: {
      AuthRoleDeleteRequest remove;
      remove.set_role(role);
      return RequestOf("Auth/RoleDelete", remove, false);
    }
    case 2: {
      AuthRoleGetRequest get;
      get.set_role(role);
      return RequestOf("Auth/RoleGet", get, true);
    }
    case 3: {
      AuthRoleRevokePermissionRequest revoke;
      revoke.set_role(role);
      revoke.set_key(Key());
      revoke.set_range_end(RangeEnd(revoke.key()));
      return RequestOf("Auth/RoleRevokePermission", revoke, false);
    }
    default:
      return RoleGrant(role);
  }
}

Request Generator::RoleGrant(const std::string& role) {
  auto grant = Named<AuthRoleGrantPermissionRequest>(role);
  // Always one: without it 3.4.23 ends.
  grant.mutable_perm()->set_permtype(static_cast<authpb::Permission::Type>(Below(3)));
  // 3.4 takes permissions for no key and for ranges without keys, too, and stores them.
  do grant.mutable_perm()->set_key(Key());
  while (release_ == "3.4" && grant.perm().key().empty());
  // One range for each key: where there are several, etcd does not find the one that it should
  // replace, and adds another beside it.
  if (release_ != "3.4") grant.mutable_perm()->set_range_end(GrantedEnd(grant.perm().key()));
  return RequestOf("Auth/RoleGrantPermission", grant, false);
}

Request Generator::Login(const std::string& user) {
  auto login = Named<AuthenticateRequest>(user);
  login.set_password(OneIn(5) ? "wrong" : "secret");
  Request request = RequestOf("Auth/Authenticate", login, false);
  request.anonymous = true;
  return request;
}

std::string Generator::AnyUser() {
  // Tokens mean nothing while it is off; 3.4 refuses wrong ones then, too.
  if (auth_left_ == 0) return release_ != "3.4" && OneIn(30) ? "nobody" : "";
  if (OneIn(2)) return "root";
  if (OneIn(8)) return "";
  if (OneIn(8)) return "nobody";
  return absl::StrCat("user", Below(kUsers));
}

void Generator::SwitchAuthOn() {
  auth_left_ = kWithAuth;
  script_.push_back(RequestOf("Auth/UserAdd", Add("root"), false));
  script_.push_back(RequestOf("Auth/UserGrantRole", Grant("root", "root"), false));
  for (int i = 0; i < kUsers; ++i) {
    const std::string user = absl::StrCat("user", i);
    const std::string role = absl::StrCat("role", i);
    script_.push_back(RequestOf("Auth/UserAdd", Add(user), false));
    script_.push_back(RequestOf("Auth/RoleAdd", Named<AuthRoleAddRequest>(role), false));
    script_.push_back(RequestOf("Auth/UserGrantRole", Grant(user, role), false));
    for (int grants = Below(4); grants > 0; --grants) script_.push_back(RoleGrant(role));
  }
  script_.push_back(RequestOf("Auth/AuthEnable", AuthEnableRequest(), false));
  for (const char* user : {"root", "user0", "user1", "user2", "user3"}) {
    auto login = Named<AuthenticateRequest>(user);
    login.set_password("secret");
    script_.push_back(RequestOf("Auth/Authenticate", login, false));
  }
}

void Generator::SwitchAuthOff() {
  auth_in_ = kWithoutAuth;
  script_.push_back(RequestOf("Auth/AuthDisable", AuthDisableRequest(), false));
  script_.back().user = "root";
  script_.push_back(RequestOf("Auth/UserDelete", Named<AuthUserDeleteRequest>("root"), false));
}

}  // namespace pintle::tests
