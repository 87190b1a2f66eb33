#!/usr/bin/env python3
"""Every everyday kubectl command against the façade, validation on; no controllers needed for these."""

import json
import os
import shutil
import subprocess
import tempfile

from harness import ROOT, ClusterTest, main

EXAMPLE = os.path.join(ROOT, "deploy", "examples", "my-app.yaml")


class KubectlTest(ClusterTest):
    members = 1
    controllers = True

    def kubectl(self, *arguments, **keywords):
        return self.cluster.kubectl(*arguments, **keywords).stdout

    def setUp(self):
        self.kubectl("apply", "-f", EXAMPLE)
        self.kubectl("rollout", "status", "deployment/my-app", "--timeout=60s")

    def tearDown(self):
        self.kubectl("delete", "deployment", "my-app", "--ignore-not-found")
        self.eventually("the pods to be gone", lambda: not self.cluster.pods(), 60)

    def test_get_in_every_output(self):
        self.assertIn("my-app", self.kubectl("get", "deploy"))
        self.assertRegex(self.kubectl("get", "pods", "-o", "wide"), r"NODE")
        self.assertIn("apiVersion: apps/v1", self.kubectl("get", "deploy", "my-app", "-o", "yaml"))
        self.assertEqual(len(json.loads(self.kubectl("get", "pods", "-l", "app=my-app", "-o", "json"))["items"]), 3)
        self.assertIn("default", self.kubectl("get", "pods", "-A"))
        self.assertIn("my-app", self.kubectl("get", "all"))
        self.assertIn("pod/my-app", self.kubectl("get", "pods", "-o", "name", "--sort-by=.metadata.name"))
        self.assertEqual(self.kubectl("get", "pods", "--field-selector=status.phase=Failed", "-o", "name"), "")

    def test_describe(self):
        text = self.kubectl("describe", "deployment", "my-app")
        self.assertIn("ScalingReplicaSet", text)
        self.assertIn("RollingUpdate", text)
        pod = self.kubectl("get", "pods", "-o", "name").split()[0]
        self.assertIn("Scheduled", self.kubectl("describe", pod))
        self.assertIn("simulated", self.kubectl("describe", "nodes").lower())

    def test_label_annotate_and_edit(self):
        self.kubectl("label", "deployment", "my-app", "tier=web")
        self.assertIn("my-app", self.kubectl("get", "deploy", "-l", "tier=web"))
        self.kubectl("label", "deployment", "my-app", "tier-")
        self.kubectl("annotate", "deployment", "my-app", "note=hello")
        self.assertEqual(self.kubectl("get", "deploy", "my-app", "-o", "jsonpath={.metadata.annotations.note}"), "hello")
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        editor = os.path.join(folder, "editor")
        with open(editor, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nsed -i 's/note: hello/note: edited/' \"$1\"\n")
        os.chmod(editor, 0o755)
        done = subprocess.run([self.cluster_kubectl(), "edit", "deployment", "my-app"], capture_output=True, text=True,
                              env={**self.cluster.environment(), "KUBE_EDITOR": editor}, timeout=60, check=False)
        self.assertIn("edited", done.stdout, done.stderr)
        self.assertEqual(self.kubectl("get", "deploy", "my-app", "-o", "jsonpath={.metadata.annotations.note}"), "edited")

    def cluster_kubectl(self):
        from harness import deploy
        return deploy.KUBECTL

    def test_wait_explain_and_resources(self):
        self.assertIn("condition met", self.kubectl("wait", "--for=condition=Available", "deployment/my-app", "--timeout=30s"))
        self.assertIn("replicas", self.kubectl("explain", "deployment.spec"))
        self.assertIn("maxSurge", self.kubectl("explain", "deployment.spec.strategy.rollingUpdate"))
        resources = self.kubectl("api-resources")
        for name in ("pods", "deployments", "replicasets", "services", "endpoints", "configmaps", "secrets", "nodes",
                     "events", "leases", "namespaces"):
            self.assertIn(name, resources)
        self.assertIn("apps/v1", self.kubectl("api-versions"))
        self.assertIn("Server Version", self.kubectl("version"))

    def test_validation_finds_mistakes(self):
        with open(EXAMPLE, encoding="utf-8") as f:
            text = f.read()
        done = self.cluster.kubectl("apply", "-f", "-", stdin=text.replace("replicas:", "replicsa:"), check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("unknown field \"replicsa\"", done.stderr)
        done = self.cluster.kubectl("apply", "-f", "-", stdin=text.replace("replicas: 3", "replicas: -1"), check=False)
        self.assertIn("must be greater than or equal to 0", done.stderr)
        done = self.cluster.kubectl("apply", "-f", "-", "--validate=false",
                                    stdin=text.replace("replicas: 3", "replicas: many"), check=False)
        self.assertNotEqual(done.returncode, 0)

    def test_configmaps_secrets_namespaces(self):
        self.kubectl("create", "namespace", "lab")
        self.kubectl("create", "configmap", "c", "-n", "lab", "--from-literal=a=1")
        self.kubectl("create", "secret", "generic", "s", "-n", "lab", "--from-literal=p=w")
        self.assertEqual(self.kubectl("get", "secret", "s", "-n", "lab", "-o", "jsonpath={.data.p}"), "dw==")
        self.assertIn("AlreadyExists", self.cluster.kubectl("create", "configmap", "c", "-n", "lab", check=False).stderr)
        self.assertIn("NotFound", self.cluster.kubectl("get", "configmap", "none", "-n", "lab", check=False).stderr)
        self.kubectl("patch", "configmap", "c", "-n", "lab", "--type=merge", "-p", '{"data":{"b":"2"}}')
        self.kubectl("patch", "configmap", "c", "-n", "lab", "--type=json",
                     "-p", '[{"op":"replace","path":"/data/a","value":"3"}]')
        self.assertEqual(json.loads(self.kubectl("get", "configmap", "c", "-n", "lab", "-o", "json"))["data"],
                         {"a": "3", "b": "2"})
        self.kubectl("delete", "namespace", "lab", "--timeout=60s", timeout=90)

    def test_stale_update_conflicts(self):
        self.kubectl("create", "configmap", "cas", "--from-literal=a=1")
        self.addCleanup(self.kubectl, "delete", "configmap", "cas")
        old = self.kubectl("get", "configmap", "cas", "-o", "json")
        self.kubectl("patch", "configmap", "cas", "-p", '{"data":{"a":"2"}}')
        done = self.cluster.kubectl("replace", "-f", "-", stdin=old.replace('"1"', '"9"'), check=False)
        self.assertIn("Conflict", done.stderr)

    def test_events_have_a_lease(self):
        self.assertTrue(self.kubectl("get", "events", "-o", "name"))
        self.assertIn("found", self.cluster.etcdctl("lease", "list").stdout)

    def test_newer_kubectl_if_there_is_one(self):
        newer = shutil.which("kubectl")
        if newer is None or os.path.realpath(newer) == os.path.realpath(self.cluster_kubectl()):
            self.skipTest("no other kubectl on this machine")

        def run(*arguments, stdin=None):
            done = subprocess.run([newer, *arguments], env=self.cluster.environment(), capture_output=True, text=True,
                                  input=stdin, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
            return done.stdout
        run("apply", "-f", EXAMPLE)
        self.assertIn("my-app", run("get", "pods", "-o", "wide"))
        run("scale", "deployment", "my-app", "--replicas=2")
        self.assertIn("successfully rolled out", run("rollout", "status", "deployment/my-app", "--timeout=60s"))
        self.assertIn("RollingUpdate", run("describe", "deployment", "my-app"))
        self.assertIn("replicas", run("explain", "deployment.spec"))


if __name__ == "__main__":
    main()
