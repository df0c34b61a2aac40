"""The Redis protocol as a test needs it: the stock redis-cli for what users do, and a connection of
our own for what it does not show (pipelines, half-closed connections)."""

import socket
import subprocess

from pace import PATIENCE


def redis_cli(node, *arguments, follow=False, host=None, timeout_s=20):
    """What the stock redis-cli prints of the reply, with its type. `follow`: it goes where it is
    sent."""
    done = subprocess.run(
        ["redis-cli", "--no-raw", "-h", host or node.host, "-p", str(node.redis_port),
         *(["-c"] if follow else []), *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
        timeout=timeout_s * PATIENCE)
    assert done.returncode in (0, 1), done
    return done.stdout.decode().strip() or done.stderr.decode().strip()


def benchmark(node, *arguments, timeout_s=60):
    """Runs the stock redis-benchmark; what it printed."""
    done = subprocess.run(
        ["redis-benchmark", "-h", node.host, "-p", str(node.redis_port), *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=timeout_s * PATIENCE)
    assert done.returncode == 0, done
    return (done.stdout + done.stderr).decode()


class ReplyError(Exception):
    """An error reply, as the server sent it."""


def request(*words):
    """A request's bytes."""
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%s\r\n" % (len(word), word) for word in (str(w).encode() for w in words))


class Connection:
    """A connection that is kept, with requests sent as they are given."""

    def __init__(self, endpoint, timeout_s=15):
        self._socket = socket.create_connection(endpoint, timeout_s * PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self._socket.close()

    def send(self, data):
        self._socket.sendall(data)

    def end(self):
        """Says that nothing more will be sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def reply(self):
        """The next reply: text, number, bytes, None, a list of such, or a ReplyError. EOFError when
        the server has closed the connection."""
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(line)
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return ReplyError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        assert kind == b"$", line
        length = int(rest)
        return None if length < 0 else self._file.read(length + 2)[:-2]

    def ask(self, *words):
        """One request and its reply."""
        self.send(request(*words))
        return self.reply()
