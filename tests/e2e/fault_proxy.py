"""A TCP proxy in front of one member's peer port, with faults for each directed link, set while it runs.

All members know a member by its proxy. Peer connections are made by the sender of messages, so a connection to the proxy of
member j that process i made is the directed link i → j; who made it is asked of the kernel (/proc), by process id.

  set(sender, "pass")      as if it were not there
  set(sender, "refuse")    connections are closed at once, existing ones are reset
  set(sender, "drop")      bytes towards the target vanish while connections stay up: a one-way partition
  set(sender, "stall")     nothing is read: the sender's buffers fill
  set(sender, "delay", s)  bytes wait for so many seconds
  set(sender, "corrupt")   one bit of every piece towards the target is flipped

One thread for all connections of one proxy; memory is bounded by one piece for each connection."""

import os
import selectors
import socket
import struct
import threading
import time

PIECE = 64 * 1024


def _owner(port, pids):
    """Which of {name: process id} has the local end of a connection from that port; None: nobody yet."""
    with open("/proc/net/tcp", encoding="ascii") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    inodes = {"socket:[" + r[9] + "]" for r in rows if int(r[1].split(":")[1], 16) == port}
    for name, pid in pids.items():
        try:
            folder = f"/proc/{pid}/fd"
            if any(os.readlink(os.path.join(folder, fd)) in inodes for fd in os.listdir(folder)):
                return name
        except OSError:
            continue
    return None


class _Link:
    """One accepted connection and the one to the target."""

    def __init__(self, near, far, sender):
        self.near, self.far, self.sender = near, far, sender
        self.ready_at = {}  # a delayed direction: when its bytes go on

    def close(self):
        for s in (self.near, self.far):
            _reset(s)


def _reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not FIN
    s.close()


class FaultProxy:
    """`pids()` is {sender: process id} of the members that run."""

    def __init__(self, target_port, pids):
        self.target = ("127.0.0.1", target_port)
        self.pids = pids
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self._modes = {}
        self._links = []
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def set(self, sender, mode, seconds=0.0):
        if mode not in ("pass", "refuse", "drop", "stall", "delay", "corrupt"):
            raise ValueError(mode)
        with self._lock:
            self._modes[sender] = (mode, seconds)

    def _mode(self, sender):
        with self._lock:
            return self._modes.get(sender, ("pass", 0.0))

    def stop(self):
        self._stopping = True
        self._thread.join()
        self.listener.close()

    def _run(self):
        while not self._stopping:
            for link in [k for k in self._links if self._mode(k.sender)[0] == "refuse"]:
                link.close()
                self._links.remove(link)
            with selectors.DefaultSelector() as selector:
                selector.register(self.listener, selectors.EVENT_READ, None)
                for link in self._links:
                    if self._mode(link.sender)[0] != "stall":
                        selector.register(link.near, selectors.EVENT_READ, (link, link.near, link.far))
                        selector.register(link.far, selectors.EVENT_READ, (link, link.far, link.near))
                for key, _ in selector.select(0.02):
                    if key.data is None:
                        self._accept()
                    elif key.data[0] in self._links:
                        self._move(*key.data)
        for link in self._links:
            link.close()

    def _accept(self):
        near, address = self.listener.accept()
        sender = _owner(address[1], self.pids())
        try:
            if self._mode(sender)[0] == "refuse":
                raise OSError("refused")
            far = socket.create_connection(self.target, timeout=2)
        except OSError:
            _reset(near)
            return
        for s in (near, far):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.settimeout(2)
        self._links.append(_Link(near, far, sender))

    def _move(self, link, source, sink):
        mode, seconds = self._mode(link.sender)
        towards_target = source is link.near
        if mode == "delay":
            now = time.monotonic()
            if now < link.ready_at.setdefault(source, now + seconds):
                return
            del link.ready_at[source]
        try:
            data = source.recv(PIECE)
            if data and towards_target and mode == "corrupt":
                data = bytearray(data)
                data[len(data) // 2] ^= 1
            if data and not (towards_target and mode == "drop"):
                sink.sendall(data)
        except OSError:
            data = b""
        if not data:
            link.close()
            self._links.remove(link)
