"""Certificates by the openssl command, and a cluster of three members that speak TLS everywhere."""

import os
import subprocess

from harness import deploy


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder, name):
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder)
        with open(self.path("ca.cnf"), "w", encoding="ascii") as f:
            f.write(f"[ca]\ndefault_ca = d\n[d]\ndatabase = {self.path('index.txt')}\ndefault_md = sha256\n"
                    "default_crl_days = 10\n")
        with open(self.path("index.txt"), "w", encoding="ascii"):
            pass
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "10",
                     "-subj", "/CN=" + name, "-keyout", "ca.key", "-out", "ca.pem",
                     "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.ca = self.path("ca.pem")

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, timeout=60,
                              check=False)
        if done.returncode != 0:
            raise AssertionError(f"openssl {' '.join(arguments)}: {done.stderr}")

    def sign(self, name, common_name, names="", days=10):
        """Makes, or replaces, <name>.pem and <name>.key; their paths."""
        with open(self.path(name + ".ext"), "w", encoding="ascii") as f:
            f.write("extendedKeyUsage = serverAuth,clientAuth\n" + (f"subjectAltName = {names}\n" if names else ""))
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     "/CN=" + common_name, "-keyout", name + ".key.new", "-out", name + ".csr")
        self.openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                     "-days", str(days), "-extfile", name + ".ext", "-out", name + ".pem.new")
        for kind in ("key", "pem"):
            os.replace(self.path(f"{name}.{kind}.new"), self.path(f"{name}.{kind}"))
        return self.path(name + ".pem"), self.path(name + ".key")

    def revoke(self, *names):
        """The path of a list with them, and whoever was revoked before."""
        common = ["ca", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key"]
        for name in names:
            self.openssl(*common, "-revoke", name + ".pem")
        self.openssl(*common, "-gencrl", "-out", "crl.pem")
        return self.path("crl.pem")


class TlsCluster:
    """Members m1 to m3. `authority` signs what they show, and decides whom they let in."""

    def __init__(self, folder, authority, extra=()):
        self.folder = folder
        self.authority = authority
        ports = deploy.free_ports(9)
        self.client_ports, self.peer_ports, self.metrics_ports = ports[:3], ports[3:6], ports[6:]
        self.names = "DNS:localhost,IP:127.0.0.1"
        authority.sign("server", "server", self.names)
        authority.sign("peer", "peer", self.names)
        self.extra = list(extra)
        self.members = [deploy.Process(f"m{i + 1}", folder, self.arguments(i)) for i in range(3)]

    def arguments(self, i, authority=None):
        peers = authority or self.authority
        url = f"https://127.0.0.1:{self.peer_ports[i]}"
        cluster = ",".join(f"m{j + 1}=https://127.0.0.1:{self.peer_ports[j]}" for j in range(3))
        return [deploy.BINARY, f"--name=m{i + 1}", f"--data-dir={self.folder}/m{i + 1}.etcd",
                f"--listen-client-urls={self.client_url(i)}", f"--advertise-client-urls={self.client_url(i)}",
                f"--listen-peer-urls={url}", f"--initial-advertise-peer-urls={url}", f"--initial-cluster={cluster}",
                f"--listen-metrics-urls=http://127.0.0.1:{self.metrics_ports[i]}",
                f"--cert-file={self.authority.path('server.pem')}", f"--key-file={self.authority.path('server.key')}",
                f"--trusted-ca-file={self.authority.ca}", "--client-cert-auth=true",
                f"--peer-cert-file={peers.path('peer.pem')}", f"--peer-key-file={peers.path('peer.key')}",
                f"--peer-trusted-ca-file={self.authority.ca}", "--peer-client-cert-auth=true", *self.extra]

    def client_url(self, i):
        return f"https://127.0.0.1:{self.client_ports[i]}"

    def healthy(self, i):
        return deploy.http_get(f"http://127.0.0.1:{self.metrics_ports[i]}/health")[0] == 200

    def start(self):
        for member in self.members:
            member.start()
        for i in range(3):
            deploy.wait_for(f"m{i + 1} to be healthy", lambda i=i: self.healthy(i))

    def stop(self):
        for member in self.members:
            member.stop()

    def etcdctl(self, *arguments, ca, pair=None, member=0, etcdctl="etcdctl"):
        """Runs etcdctl against one member; the CompletedProcess."""
        tls = ["--cacert=" + ca] + (["--cert=" + pair[0], "--key=" + pair[1]] if pair else [])
        return subprocess.run([etcdctl, "--endpoints=" + self.client_url(member), "--dial-timeout=2s",
                               "--command-timeout=3s", *tls, *arguments], env={**os.environ, "ETCDCTL_API": "3"},
                              capture_output=True, text=True, timeout=30, check=False)
