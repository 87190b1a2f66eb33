#!/usr/bin/env python3
"""The life of a Deployment, with Debian's kubectl, the controllers and two simulated nodes (issue: "shown end to end")."""

import json
import os
import subprocess
import threading
import time

from harness import ROOT, ClusterTest, deploy, main

EXAMPLE = os.path.join(ROOT, "deploy", "examples", "my-app.yaml")
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: my-app}
spec:
  selector: {app: my-app}
  ports: [{port: 80, targetPort: 8080}]
"""


class AvailabilityWatch:
    """Follows the pods of my-app with kubectl get -w and remembers the lowest number available at any event."""

    def __init__(self, cluster):
        self.lowest = None
        self.most = 0
        self.ready = {}
        self.child = subprocess.Popen(
            [deploy.KUBECTL, "get", "pods", "-l", "app=my-app", "-w", "-o", "json", "--output-watch-events"],
            env=cluster.environment(), stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.child.stdout:  # one event per line
            self.take(json.loads(line))

    def take(self, event):
        pod = event["object"]
        name = pod["metadata"]["name"]
        conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
        ready = (event["type"] != "DELETED" and conditions.get("Ready") == "True"
                 and "deletionTimestamp" not in pod["metadata"])
        if event["type"] == "DELETED":
            self.ready.pop(name, None)
        else:
            self.ready[name] = ready
        available = sum(self.ready.values())
        self.most = max(self.most, len(self.ready))
        if self.lowest is not None:
            self.lowest = min(self.lowest, available)

    def begin(self):
        self.lowest = sum(self.ready.values())
        return self.lowest

    def stop(self):
        self.child.terminate()
        self.child.wait()
        self.thread.join()
        self.child.stdout.close()


class DeploymentTest(ClusterTest):
    controllers = True

    def kubectl(self, *arguments, **keywords):
        return self.cluster.kubectl(*arguments, **keywords).stdout

    def running(self, count, image=None):
        def check():
            pods = self.cluster.running_pods()
            all_pods = self.cluster.pods()
            good = [p for p in pods if image is None or p["spec"]["containers"][0]["image"] == image]
            return len(good) == count and len(all_pods) == count
        self.eventually(f"{count} Running pods" + (f" of {image}" if image else ""), check, 60)

    def setUp(self):
        self.kubectl("apply", "-f", EXAMPLE)
        self.running(3, "nginx:1.25")

    def tearDown(self):
        self.kubectl("delete", "deployment", "my-app", "--ignore-not-found")
        self.eventually("the pods to be gone", lambda: not self.cluster.pods(), 60)

    def test_converges_scales_and_replaces(self):
        self.assertIn("3/3", self.kubectl("get", "deployment", "my-app"))
        self.kubectl("scale", "deployment", "my-app", "--replicas=5")
        self.running(5)
        self.kubectl("scale", "deployment", "my-app", "--replicas=1")
        self.running(1)
        victim = self.cluster.running_pods()[0]["metadata"]
        self.kubectl("delete", "pod", victim["name"])
        self.running(1)
        self.assertNotEqual(self.cluster.running_pods()[0]["metadata"]["uid"], victim["uid"])

    def test_applying_twice_changes_nothing(self):
        self.assertIn("unchanged", self.kubectl("apply", "-f", EXAMPLE))

    def test_rolling_update_keeps_its_bounds_and_can_be_undone(self):
        watch = AvailabilityWatch(self.cluster)
        self.addCleanup(watch.stop)
        self.eventually("the watch to see three", lambda: sum(watch.ready.values()) == 3)
        watch.begin()
        self.kubectl("set", "image", "deployment/my-app", "my-app=nginx:1.26")
        self.assertIn("successfully rolled out", self.kubectl("rollout", "status", "deployment/my-app", "--timeout=60s"))
        self.running(3, "nginx:1.26")
        # maxUnavailable 25 % of 3 rounds down to 0, maxSurge 25 % up to 1.
        self.assertGreaterEqual(watch.lowest, 3, "a pod was missing during the roll-out")
        history = self.kubectl("rollout", "history", "deployment/my-app")
        self.assertEqual(len([line for line in history.splitlines() if line[:1].isdigit()]), 2, history)
        self.kubectl("rollout", "undo", "deployment/my-app")
        self.kubectl("rollout", "status", "deployment/my-app", "--timeout=60s")
        self.running(3, "nginx:1.25")
        self.assertGreaterEqual(watch.lowest, 3, "a pod was missing during the undo")

    def test_endpoints_follow(self):
        self.kubectl("apply", "-f", "-", stdin=SERVICE)
        self.addCleanup(self.kubectl, "delete", "service", "my-app")

        def addresses():
            endpoints = json.loads(self.kubectl("get", "endpoints", "my-app", "-o", "json"))
            return sorted(a["ip"] for s in endpoints.get("subsets", []) for a in s.get("addresses", []))

        def follow():
            return addresses() == sorted(p["status"]["podIP"] for p in self.cluster.running_pods()) and len(addresses())
        self.eventually("endpoints of three pods", lambda: follow() == 3)
        self.kubectl("scale", "deployment", "my-app", "--replicas=5")
        self.eventually("endpoints of five pods", lambda: follow() == 5)
        service = json.loads(self.kubectl("get", "service", "my-app", "-o", "json"))
        self.assertRegex(service["spec"]["clusterIP"], r"^10\.96\.")

    def test_deleting_the_deployment_leaves_nothing(self):
        self.kubectl("delete", "deployment", "my-app")
        self.eventually("replica sets and pods to be gone", lambda: not json.loads(
            self.kubectl("get", "replicasets,pods", "-o", "json"))["items"], 60)

    def test_deleting_a_namespace_ends(self):
        self.kubectl("create", "namespace", "team")
        self.kubectl("apply", "-n", "team", "-f", EXAMPLE)
        self.kubectl("create", "configmap", "settings", "-n", "team", "--from-literal=a=b")
        self.eventually("three pods in the namespace", lambda: len(
            self.cluster.running_pods(namespace="team")) == 3, 60)
        self.kubectl("delete", "namespace", "team", "--timeout=60s", timeout=90)
        self.assertIn("NotFound", self.cluster.kubectl("get", "namespace", "team", check=False).stderr)
        listed = self.cluster.etcdctl("get", "/registry/", "--prefix", "--keys-only").stdout
        self.assertNotIn("/team", listed, "something of the namespace is left in the store")

    def test_pods_of_a_deleted_node_are_replaced_elsewhere(self):
        # The simulated node registers itself anew, so what counts is that the old pods went and new ones run.
        before = {p["metadata"]["uid"]: p["spec"]["nodeName"] for p in self.cluster.running_pods()}
        node = next(iter(before.values()))
        doomed = {uid for uid, n in before.items() if n == node}
        for pod in self.cluster.running_pods():
            if pod["metadata"]["uid"] in doomed:
                self.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
        self.running(3)
        self.assertFalse(doomed & {p["metadata"]["uid"] for p in self.cluster.running_pods()})

    def test_controllers_go_on_when_their_member_is_killed(self):
        for victim in range(self.cluster.size):
            self.kill9(victim)
            began = time.monotonic()
            other = (victim + 1) % self.cluster.size
            self.eventually("scale through another member", lambda: self.cluster.kubectl(
                "scale", "deployment", "my-app", f"--replicas={4 + victim % 2}", member=other,
                check=False).returncode == 0, 20)
            self.eventually("the controllers to follow", lambda: self.ready_replicas(other) == 4 + victim % 2, 30)
            print(f"  m{victim + 1} killed: converged after {time.monotonic() - began:.1f} s")
            self.cluster.start_member(victim)
            self.cluster.wait_healthy(victim)

    def ready_replicas(self, member):
        done = self.cluster.kubectl("get", "deployment", "my-app", "-o", "jsonpath={.status.readyReplicas}",
                                    member=member, check=False)
        return int(done.stdout) if done.stdout.isdigit() else None


if __name__ == "__main__":
    main()
