#!/usr/bin/env python3
"""The part of deploy/up behind the build: starts the cluster and shows the example converge."""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster import Cluster, ClusterError, ROOT, wait_for  # noqa: E402

FOLDER = os.path.join(ROOT, "build", "cluster")
EXAMPLE = os.path.join(ROOT, "deploy", "examples", "my-app.yaml")


def ports(text):
    return [int(piece) for piece in text.split(",")]


def step(text):
    print(f"\n[deploy/up] {text}", flush=True)


class Ticker:
    """A line at once and then every two seconds, so that waiting is seen to be waiting."""

    def __init__(self):
        self.last = (None, 0.0)

    def __call__(self, what, waited):
        name, at = self.last
        if name != what or waited - at >= 2.0:
            print(f"  waiting for {what} ({waited:.0f} s)", flush=True)
            self.last = (what, waited)


def start(arguments):
    ticker = Ticker()
    if not os.path.exists(os.path.join(FOLDER, "layout.json")) and arguments.members is None:
        arguments.members = 3
    cluster = Cluster(FOLDER, arguments.members, arguments.client_ports, arguments.peer_ports, arguments.api_ports)
    step(f"3/4 starting {cluster.size} member{'s' if cluster.size > 1 else ''}, the controllers and two simulated nodes")
    cluster.start(progress=ticker)
    if cluster.controllers.pid() is None:
        cluster.controllers.start()
    env = cluster.environment_file()

    def nodes_ready():
        done = cluster.kubectl("get", "nodes", "--no-headers", check=False)
        return done.returncode == 0 and done.stdout.count(" Ready") >= 2
    wait_for("two nodes to be Ready", nodes_ready, 60, ticker)

    if not arguments.no_example:
        step("4/4 kubectl apply -f deploy/examples/my-app.yaml")
        print("  " + cluster.kubectl("apply", "-f", EXAMPLE).stdout.strip())
        wait_for("the pods of my-app to be Running",
                 lambda: wanted(cluster) and len(cluster.running_pods()) == wanted(cluster), 90, ticker)
        print(cluster.kubectl("get", "deployments,pods", "-o", "wide").stdout)
    print_how_to(cluster, env)


def wanted(cluster):
    done = cluster.kubectl("get", "deployment", "my-app", "-o", "jsonpath={.spec.replicas}", check=False)
    return int(done.stdout) if done.returncode == 0 and done.stdout.isdigit() else None


def print_how_to(cluster, env):
    step("ready")
    for i, member in enumerate(cluster.members):
        print(f"  {member.name}: etcd {cluster.client_url(i)}   API {cluster.api_url(i)}   "
              f"log {os.path.relpath(member.log_file, ROOT)}")
    print(f"""
  . {os.path.relpath(env, os.getcwd())}
  etcdctl endpoint status --cluster -w table
  etcdctl put greeting hello && etcdctl get greeting
  kubectl get pods -o wide            (kubectl --context m2 … talks to the second member)
  kubectl scale deployment my-app --replicas=5 && kubectl rollout status deployment my-app

  deploy/down            stops it and keeps the data; deploy/up continues
  deploy/down --wipe     stops it and forgets it""")


def main():
    parser = argparse.ArgumentParser(prog="deploy/up", description="Starts a Pintle cluster on this machine.")
    parser.add_argument("--members", type=int, choices=(1, 3, 5), help="how many members (default 3, or what is there)")
    parser.add_argument("--client-ports", type=ports, help="comma separated; default: free ones")
    parser.add_argument("--peer-ports", type=ports)
    parser.add_argument("--api-ports", type=ports)
    parser.add_argument("--no-example", action="store_true", help="do not apply deploy/examples/my-app.yaml")
    arguments = parser.parse_args()
    began = time.monotonic()
    try:
        start(arguments)
    except ClusterError as error:
        print(f"deploy/up: {error}", file=sys.stderr)
        return 1
    print(f"\n[deploy/up] took {time.monotonic() - began:.0f} s after the build")
    return 0


if __name__ == "__main__":
    sys.exit(main())
