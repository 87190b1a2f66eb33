"""The cases of users, roles and auth."""

from etcdctl_cases import ROOT_USER, Commands


class AuthCases(Commands):
    def case_user_add(self):
        self.assertEqual(self.ctl("user", "add", "ann:secret"), "User ann created\n")
        self.addCleanup(self.run_ctl, "user", "delete", "ann")
        self.refused("etcdserver: user name already exists", "user", "add", "ann:secret")
        self.assertIn("User bob created", self.ctl("user", "add", "bob", "--interactive=false", stdin="secret\n"))
        self.assertEqual(self.ctl("user", "add", "cho", "--new-user-password=secret"), "User cho created\n")
        self.assertEqual(self.ctl("user", "add", "dan", "--no-password"), "User dan created\n")
        for user in ("bob", "cho", "dan"):
            self.ctl("user", "delete", user)

    def user(self):
        self.run_ctl("user", "delete", "ann")
        self.ctl("user", "add", "ann:secret")
        self.addCleanup(self.run_ctl, "user", "delete", "ann")

    def role(self):
        self.run_ctl("role", "delete", "reader")
        self.ctl("role", "add", "reader")
        self.addCleanup(self.run_ctl, "role", "delete", "reader")

    def case_user_delete(self):
        self.user()
        self.assertEqual(self.ctl("user", "delete", "ann"), "User ann deleted\n")
        self.refused("etcdserver: user name not found", "user", "delete", "ann")

    def case_user_get(self):
        self.user()
        self.role()
        self.ctl("role", "grant-permission", "reader", "read", "r/", "--prefix=true")
        self.ctl("user", "grant-role", "ann", "reader")
        self.assertEqual(self.ctl("user", "get", "ann"), "User: ann\nRoles: reader\n")
        self.assertIn("[r/, r0) (prefix r/)", self.ctl("user", "get", "ann", "--detail"))
        self.refused("etcdserver: user name not found", "user", "get", "nobody")

    def case_user_list(self):
        self.user()
        self.assertEqual(self.ctl("user", "list"), "ann\n")

    def case_user_passwd(self):
        self.user()
        self.assertIn("Password updated", self.ctl("user", "passwd", "ann", "--interactive=false", stdin="other\n"))
        self.refused("etcdserver: user name not found", "user", "passwd", "nobody", "--interactive=false", stdin="other\n")

    def case_user_grant_role(self):
        self.user()
        self.role()
        self.assertEqual(self.ctl("user", "grant-role", "ann", "reader"), "Role reader is granted to user ann\n")
        self.refused("etcdserver: role name not found", "user", "grant-role", "ann", "nothing")

    def case_user_revoke_role(self):
        self.user()
        self.role()
        self.ctl("user", "grant-role", "ann", "reader")
        self.assertEqual(self.ctl("user", "revoke-role", "ann", "reader"), "Role reader is revoked from user ann\n")
        self.refused("etcdserver: role is not granted to the user", "user", "revoke-role", "ann", "reader")

    def case_role_add(self):
        self.assertEqual(self.ctl("role", "add", "writer"), "Role writer created\n")
        self.refused("etcdserver: role name already exists", "role", "add", "writer")
        self.ctl("role", "delete", "writer")

    def case_role_delete(self):
        self.role()
        self.assertEqual(self.ctl("role", "delete", "reader"), "Role reader deleted\n")
        self.refused("etcdserver: role name not found", "role", "delete", "reader")

    def case_role_get(self):
        self.role()
        self.ctl("role", "grant-permission", "reader", "readwrite", "a", "c")
        self.assertEqual(self.ctl("role", "get", "reader"), "Role reader\nKV Read:\n\t[a, c)\nKV Write:\n\t[a, c)\n")

    def case_role_list(self):
        self.role()
        self.assertEqual(self.ctl("role", "list"), "reader\n")

    def case_role_grant_permission(self):
        self.role()
        self.assertEqual(self.ctl("role", "grant-permission", "reader", "read", "k"), "Role reader updated\n")
        self.ctl("role", "grant-permission", "reader", "write", "k/", "--prefix")
        self.ctl("role", "grant-permission", "reader", "readwrite", "x", "--from-key")
        told = self.ctl("role", "get", "reader")
        self.assertEqual(told, "Role reader\nKV Read:\n\tk\n\t[x, <open ended>\nKV Write:\n\t[k/, k0) (prefix k/)\n"
                               "\t[x, <open ended>\n")
        self.refused("etcdserver: role name not found", "role", "grant-permission", "nothing", "read", "k")

    def case_role_revoke_permission(self):
        self.role()
        for options in (("k",), ("k/", "--prefix"), ("x", "--from-key"), ("a", "b")):
            self.ctl("role", "grant-permission", "reader", "read", *options)
            self.ctl("role", "revoke-permission", "reader", *options)
        self.assertEqual(self.ctl("role", "get", "reader"), "Role reader\nKV Read:\nKV Write:\n")
        self.refused("etcdserver: permission is not granted to the role", "role", "revoke-permission", "reader", "k")

    def enable(self):
        """Auth with root, and ann who reads below r/; off again at the end of the case."""
        self.user()
        self.role()
        self.ctl("role", "grant-permission", "reader", "read", "r/", "--prefix")
        self.ctl("user", "grant-role", "ann", "reader")
        self.ctl("user", "add", "root:secret")
        self.addCleanup(self.run_ctl, "role", "delete", "root")
        self.addCleanup(self.run_ctl, "user", "delete", "root")
        self.addCleanup(self.run_ctl, "auth", "disable", *ROOT_USER)
        # etcdctl makes the role of root by itself.
        self.assertIn("Authentication Enabled", self.ctl("auth", "enable"))

    def case_auth_enable(self):
        self.refused("etcdserver: root user does not exist", "auth", "enable")
        self.enable()
        self.refused("etcdserver: user name is empty", "get", "r/1")
        self.refused("invalid user ID or password", "get", "r/1", "--user=ann:wrong")
        self.assertEqual(self.ctl("put", "r/1", "v", *ROOT_USER), "OK\n")
        self.assertEqual(self.ctl("get", "r/", "--prefix", "--user=ann", "--password=secret"), "r/1\nv\n")
        self.refused("etcdserver: permission denied", "get", "s", "--user=ann:secret")
        self.refused("etcdserver: permission denied", "put", "r/1", "w", "--user=ann:secret")
        self.refused("etcdserver: permission denied", "user", "list", "--user=ann:secret")
        health = self.run_ctl("endpoint", "health", "--user=ann:secret", endpoints=self.one())
        self.assertIn("is healthy", health.stdout + health.stderr)

    def case_auth_disable(self):
        self.enable()
        self.refused("etcdserver: user name is empty", "auth", "disable")
        self.refused("etcdserver: permission denied", "auth", "disable", "--user=ann:secret")
        self.assertEqual(self.ctl("auth", "disable", *ROOT_USER), "Authentication Disabled\n")
        self.assertEqual(self.ctl("put", "r/1", "v"), "OK\n")

    def case_auth_status(self):
        self.assertRegex(self.ctl("auth", "status"), r"^Authentication Status: false\nAuthRevision: \d+\n$")
        self.enable()
        self.assertRegex(self.ctl("auth", "status", *ROOT_USER), r"^Authentication Status: true\nAuthRevision: \d+\n$")
