"""A TCP proxy with a bandwidth: what a node behind a slow line looks like to its peers."""

import select
import socket
import threading
import time


class SlowLink:
    """Forwards connections made to `listen` to `target`. What goes to the target passes at
    `bytes_per_s` (None: at any rate), all connections together; answers pass at once."""

    # A line shows its rate steadily: in small segments, with little waiting in front of it, and
    # with no connection passing all of its own before the others' turn.
    SEGMENT_BYTES = 1024
    BUFFER_BYTES = 32768
    BURST_S = 0.1

    def __init__(self, listen, target, bytes_per_s):
        self.bytes_per_s = bytes_per_s
        self.forwarded = 0
        self._target = target
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, self.SEGMENT_BYTES)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.BUFFER_BYTES)
        self._listener.bind(listen)
        self._listener.listen()
        self._wake, self._waker = socket.socketpair()
        self._other = {}
        self._senders = set()
        self._allowance = 0.0
        self._turn = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._waker.close()
        self._thread.join()

    def _run(self):
        last = time.monotonic()
        with self._listener, self._wake:
            while True:
                now = time.monotonic()
                open_ = self._refill(now - last)
                last = now
                waiting = [s for s in self._other if open_ or s not in self._senders]
                ready, _, _ = select.select([self._listener, self._wake, *waiting], [], [],
                                            0.05 if open_ else 0.01)
                if self._wake in ready:
                    break
                self._turn += 1
                for i in range(len(ready)):
                    readable = ready[(i + self._turn) % len(ready)]
                    if readable is self._listener:
                        self._accept()
                    elif readable in self._other:
                        self._forward(readable)
        for end in list(self._other):
            end.close()

    def _refill(self, elapsed_s):
        """Is there something left to pass?"""
        if self.bytes_per_s is None:
            return True
        self._allowance = min(self._allowance + elapsed_s * self.bytes_per_s,
                              self.bytes_per_s * self.BURST_S)
        return self._allowance >= 1

    def _accept(self):
        sender, _ = self._listener.accept()
        try:
            receiver = socket.create_connection(self._target, 5)
        except OSError:
            sender.close()
            return
        self._senders.add(sender)
        self._other[sender], self._other[receiver] = receiver, sender

    def _forward(self, source):
        throttled = source in self._senders and self.bytes_per_s is not None
        limit = min(self.SEGMENT_BYTES, max(1, int(self._allowance))) if throttled else 65536
        if throttled and self._allowance < 1:
            return
        try:
            data = source.recv(limit)
            if data:
                self._other[source].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._close_pair(source)
        elif source in self._senders:
            self.forwarded += len(data)
            if throttled:
                self._allowance -= len(data)

    def _close_pair(self, end):
        for half in (end, self._other[end]):
            self._senders.discard(half)
            del self._other[half]
            half.close()
