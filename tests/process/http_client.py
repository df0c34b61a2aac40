"""HTTP as a test needs it: the stock curl for what users do, and a connection of our own for what
curl does not show (keep-alive, pipelining, broken requests)."""

import socket
import subprocess
from collections import namedtuple

from pace import PATIENCE, wait_until


class Response(namedtuple("Response", "status reason headers body")):
    """`headers` maps names in lower case to values."""

    @property
    def text(self):
        return self.body.decode(errors="replace")


class NotConnected(Exception):
    """Nothing was sent."""


class NoAnswer(Exception):
    """The request was sent, and no whole answer came back."""


def curl(*arguments, timeout_s=20):
    """Runs the stock curl; the last response that it got. Raises when it got none."""
    done = subprocess.run(["curl", "--disable", "-sS", "-i", "--globoff", "--max-time",
                           str(timeout_s * PATIENCE), *map(str, arguments)],
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        raise NotConnected(f"curl exit code {done.returncode}: {done.stderr.decode()}")
    text = done.stdout
    # With -L every response on the way is printed; bodies are empty but in the last.
    response = None
    while text.startswith(b"HTTP/1.1 "):
        head, _, text = text.partition(b"\r\n\r\n")
        response = _parse_head(head)
    return response._replace(body=text)


def ticket(node):
    """The next ticket by curl, from whoever leads; waits while nobody does."""
    return wait_until(lambda: _ticket_now(node), f"a ticket from node {node.id}")


def _ticket_now(node):
    try:
        response = curl("-L", "--post301", "-d", "", node.url)
    except NotConnected:
        return None
    return int(response.body) if response.status == 200 else None


def _parse_head(head):
    first, *lines = head.decode("latin-1").split("\r\n")
    _, status, reason = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Response(int(status), reason, headers, b"")


class Connection:
    """A connection that is kept, with requests sent as they are given."""

    def __init__(self, endpoint, timeout_s=15):
        try:
            self._socket = socket.create_connection(endpoint, timeout_s * PATIENCE)
        except OSError as error:
            raise NotConnected(f"{endpoint}: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._socket.close()

    def fileno(self):
        return self._socket.fileno()

    def send(self, data):
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise NoAnswer(str(error)) from error

    def response(self, to_head=False):
        """The next response. `to_head`: it answers HEAD and has no body."""
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        response = _parse_head(head)
        length = 0 if to_head else int(response.headers.get("content-length", 0))
        while len(self._buffer) < length:
            self._receive()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return response._replace(body=body)

    def _receive(self):
        try:
            data = self._socket.recv(65536)
        except OSError as error:
            raise NoAnswer(str(error)) from error
        if not data:
            raise NoAnswer("closed by the server")
        self._buffer += data

    def request(self, method, target="/", headers=(), body=b""):
        self.send(request_bytes(method, target, headers, body))
        return self.response(to_head=method == "HEAD")

    def post(self, target="/", headers=(), body=b""):
        return self.request("POST", target, headers, body)

    def closed_by_server(self):
        """Waits for the end; False when more comes instead, or nothing."""
        try:
            return not self._buffer and self._socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except OSError:
            return False


def request_bytes(method, target="/", headers=(), body=b""):
    lines = [f"{method} {target} HTTP/1.1", "Host: test", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
