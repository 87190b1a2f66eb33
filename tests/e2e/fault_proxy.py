"""A TCP proxy per directed link between members, with faults set while it runs.

FaultProxy(target port) listens on `port`; everything sent to it goes to the target and back. A member reaches a peer at
the peer's URL, and connections are made by the sender, so one proxy per (sender, receiver) is one directed link of
messages; answers travel on the receiver's own link.

  set("pass")      as if it were not there
  set("refuse")    connections are closed at once, existing ones are reset
  set("drop")      bytes towards the target vanish while connections stay up: a one-way partition
  set("stall")     nothing is read: the sender's buffers fill
  set("delay", s)  bytes wait for so many seconds
  set("corrupt")   one bit of every piece towards the target is flipped

One thread for all connections of one proxy; memory is bounded by one piece for each connection and direction (a delayed
piece holds its connection)."""

import selectors
import socket
import struct
import threading
import time

PIECE = 64 * 1024


class _Link:
    """One accepted connection and the one to the target."""

    def __init__(self, near, far):
        self.near, self.far = near, far
        self.ready_at = {}  # a delayed direction: when its bytes go on

    def close(self):
        for s in (self.near, self.far):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not FIN
            s.close()


class FaultProxy:
    def __init__(self, target_port):
        self.target = ("127.0.0.1", target_port)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self._mode, self._seconds = "pass", 0.0
        self._links = []
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def set(self, mode, seconds=0.0):
        if mode not in ("pass", "refuse", "drop", "stall", "delay", "corrupt"):
            raise ValueError(mode)
        with self._lock:
            self._seconds, self._mode = seconds, mode

    def stop(self):
        self._stopping = True
        self._thread.join()
        self.listener.close()

    def _run(self):
        while not self._stopping:
            with self._lock:
                mode, seconds = self._mode, self._seconds
            if mode == "refuse":
                for link in self._links:
                    link.close()
                self._links.clear()
            with selectors.DefaultSelector() as selector:
                selector.register(self.listener, selectors.EVENT_READ, None)
                if mode != "stall":
                    for link in self._links:
                        selector.register(link.near, selectors.EVENT_READ, (link, link.near, link.far))
                        selector.register(link.far, selectors.EVENT_READ, (link, link.far, link.near))
                for key, _ in selector.select(0.02):
                    if key.data is None:
                        self._accept(mode)
                    elif key.data[0] in self._links:
                        self._move(mode, seconds, *key.data)
        for link in self._links:
            link.close()

    def _accept(self, mode):
        near, _ = self.listener.accept()
        try:
            if mode == "refuse":
                raise OSError("refused")
            far = socket.create_connection(self.target, timeout=2)
        except OSError:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            near.close()
            return
        for s in (near, far):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.settimeout(2)
        self._links.append(_Link(near, far))

    def _move(self, mode, seconds, link, source, sink):
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
