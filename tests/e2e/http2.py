"""HTTP/2 and gRPC by hand, for clients that no library would let one write (RFC 9113, RFC 7541)."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(value):
    value = value.encode() if isinstance(value, str) else value
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, out = len(value) - 127, b"\x7f"
    while rest >= 128:
        out += bytes([rest % 128 + 128])
        rest //= 128
    return out + bytes([rest]) + value


def field(name, value):
    return b"\x00" + text(name) + text(value)


def head(path, more=(), method="POST", content_type="application/grpc"):
    out = field(":method", method) + field(":scheme", "http") + field(":path", path) + field(":authority", "x")
    out += field("te", "trailers") + field("content-type", content_type)
    return out + b"".join(field(name, value) for name, value in more)


def huffman(name):
    """Of the few letters that the marker below needs (RFC 7541, appendix B)."""
    codes = {"g": "100110", "r": "101100", "p": "101011", "c": "00100", "-": "010110", "s": "01000", "t": "01001",
             "a": "00011", "u": "101101"}
    bits = "".join(codes[letter] for letter in name)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


# As the member's HPACK encoder writes the name for the first time on a connection; the value follows.
GRPC_STATUS = bytes([0x80 | len(huffman("grpc-status"))]) + huffman("grpc-status")


def message(body):
    return struct.pack(">BI", 0, len(body)) + body


class Connection:
    """A socket that has said hello."""

    def __init__(self, port, hello=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.bytes = b""
        if hello:
            self.send(PREFACE + frame(SETTINGS) + frame(SETTINGS, ACK))  # the server's are on their way

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False: the server has closed, or does not read any more."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def call(self, stream, path, body, more=(), flags=END_STREAM):
        data = message(body)
        pieces = [data[at:at + 16384] for at in range(0, len(data), 16384)]
        return self.send(frame(HEADERS, END_HEADERS, stream, head(path, more)) + b"".join(
            frame(DATA, flags if i + 1 == len(pieces) else 0, stream, piece) for i, piece in enumerate(pieces)))

    def frames(self):
        """Frames until the end of the connection, or until nothing comes for the socket's timeout."""
        while True:
            while len(self.bytes) >= 9:
                size = struct.unpack(">I", b"\0" + self.bytes[:3])[0]
                if len(self.bytes) < 9 + size:
                    break
                kind, flags = self.bytes[3], self.bytes[4]
                stream = struct.unpack(">I", self.bytes[5:9])[0] & 0x7fffffff
                payload, self.bytes = self.bytes[9:9 + size], self.bytes[9 + size:]
                yield kind, flags, stream, payload
            try:
                more = self.socket.recv(65536)
            except OSError:
                return
            if not more:
                return
            self.bytes += more

    def answer(self, stream):
        """All header blocks of that stream as raw bytes (literals can be searched), or what ended it."""
        seen = b""
        for kind, flags, of, payload in self.frames():
            if kind == GOAWAY:
                return seen + b" GOAWAY " + payload
            if of != stream:
                continue
            if kind == RST_STREAM:
                return seen + b" RST_STREAM " + payload
            seen += payload
            if flags & END_STREAM:
                return seen
        return seen + b" CLOSED"

    def is_closed(self, seconds=10):
        """The server ends the connection (after a GOAWAY, most often)."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except socket.timeout:
            return False
        except OSError:
            return True
