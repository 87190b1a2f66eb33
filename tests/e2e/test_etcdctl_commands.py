#!/usr/bin/env python3
"""Every command of the real etcdctl, of 3.4 and of 3.5, against three members. What there is to run, etcdctl's own help
says: a command without a case fails the test. The cases (etcdctl_*_cases.py) leave the cluster as it was."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from etcdctl_auth_cases import AuthCases
from etcdctl_cases import Checked, Running, program
from etcdctl_cluster_cases import ClusterCases
from etcdctl_key_cases import KeyCases
from harness import Cluster, ClusterTest, main

# They ask no server: shells' scripts, texts, and the store of etcd 2.
OFFLINE = {"completion bash", "completion fish", "completion powershell", "completion zsh", "help", "migrate", "version"}


def commands(series):
    """["alarm disarm", …], as the help lists them."""
    done = subprocess.run([program(series), "help"], env={**os.environ, "ETCDCTL_API": "3"}, capture_output=True, text=True,
                          check=True)
    listed = done.stdout.split("COMMANDS:\n")[1].split("OPTIONS:")[0]
    return [line.strip().split("\t")[0] for line in listed.splitlines() if line.strip()]


def setUpModule():
    folder = tempfile.mkdtemp(prefix="pintle-e2e-check-")
    unittest.addModuleCleanup(shutil.rmtree, folder, ignore_errors=True)
    Checked.cluster = Cluster(folder, 1)
    unittest.addModuleCleanup(Checked.cluster.stop)
    Checked.cluster.start()
    for series in ("3.4", "3.5"):  # both meanwhile
        Checked.perf[series] = Running([program(series), "check", "perf", f"--prefix=/perf-{series}/", "--auto-defrag"],
                                       Checked.cluster.environment())
        unittest.addModuleCleanup(Checked.perf[series].__exit__)


class EveryCommand(KeyCases, ClusterCases, AuthCases):
    """The cases of one series: `case_lease_grant` is that of "lease grant"."""

    def test_every_command_has_its_case(self):
        listed = set(commands(self.series))
        self.assertGreater(len(listed), 40)
        cases = {name[len("case_"):] for name in dir(self) if name.startswith("case_")}
        self.assertEqual([c for c in listed - OFFLINE if re.sub("[- ]", "_", c) not in cases], [])


def add_tests(test):
    """One test for each command that this etcdctl has."""
    for command in commands(test.series):
        name = re.sub("[- ]", "_", command)
        case = getattr(test, f"case_{name}", None)
        if case is not None:
            # "check perf" has run since the beginning: it is looked at last.
            setattr(test, f"test_{'z' if command == 'check perf' else ''}_{name}", lambda self, case=case: case(self))


class EtcdctlOf34(EveryCommand, ClusterTest):
    series = "3.4"


class EtcdctlOf35(EveryCommand, ClusterTest):
    series = "3.5"


add_tests(EtcdctlOf34)
add_tests(EtcdctlOf35)

if __name__ == "__main__":
    main()
