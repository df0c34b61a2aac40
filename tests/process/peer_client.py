"""A client of the peer port, written from docs/protocol.md: it takes numbers of named sequences
with many requests under way, and so fills log and state faster than HTTP clients could."""

import socket
import struct
import threading

from pace import wait_until

_MAGIC, _VERSION = b"tktd", 2
_CLIENT_HELLO, _REFUSED, _REQUEST = 0x02, 0x04, 0x30
_HEADER = struct.Struct("<4sBBHIQ")
_CHANGE_CALL, _CHANGE_REPLY, _TAKE = 1, 1, 1

_MASK = 2**64 - 1
_PRIME1, _PRIME2, _PRIME3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_PRIME4, _PRIME5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def _rotate(value, bits):
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _round(lane, word):
    return _rotate((lane + word * _PRIME2) & _MASK, 31) * _PRIME1 & _MASK


def xxh64(data, seed=0):
    """XXH64 of the xxHash specification."""
    position, size = 0, len(data)
    if size >= 32:
        lanes = [(seed + _PRIME1 + _PRIME2) & _MASK, (seed + _PRIME2) & _MASK, seed & _MASK,
                 (seed - _PRIME1) & _MASK]
        while position <= size - 32:
            words = struct.unpack_from("<4Q", data, position)
            lanes = [_round(lane, word) for lane, word in zip(lanes, words)]
            position += 32
        value = sum(_rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & _MASK
        for lane in lanes:
            value = ((value ^ _round(0, lane)) * _PRIME1 + _PRIME4) & _MASK
    else:
        value = (seed + _PRIME5) & _MASK
    value = (value + size) & _MASK
    while position <= size - 8:
        word, = struct.unpack_from("<Q", data, position)
        value = (_rotate(value ^ _round(0, word), 27) * _PRIME1 + _PRIME4) & _MASK
        position += 8
    if position <= size - 4:
        word, = struct.unpack_from("<I", data, position)
        value = (_rotate(value ^ (word * _PRIME1 & _MASK), 23) * _PRIME2 + _PRIME3) & _MASK
        position += 4
    for byte in data[position:]:
        value = _rotate(value ^ (byte * _PRIME5 & _MASK), 11) * _PRIME1 & _MASK
    for shift, prime in ((33, _PRIME2), (29, _PRIME3), (32, 1)):
        value = (value ^ (value >> shift)) * prime & _MASK
    return value


def frame(kind, payload):
    check = xxh64(struct.pack("<BBI", _VERSION, kind, len(payload))) & 0xFFFF
    seed, = struct.unpack("<Q", struct.pack("<BBHI", _VERSION, kind, check, len(payload)))
    return _HEADER.pack(_MAGIC, _VERSION, kind, check, len(payload), xxh64(payload, seed)) + payload


def varint(number):
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def take_request(request_id, name, count=1, timeout_us=5_000_000):
    no_key = varint(0)
    call = bytes([_TAKE]) + varint(len(name)) + name + varint(count) + no_key + varint(timeout_us)
    return frame(_REQUEST, varint(request_id) + bytes([_CHANGE_CALL]) + call)


class Pump:
    """Takes one number of each of `names` in turn, over and over, with up to `window` requests
    under way at the node that leads."""

    # So that every id is one byte.
    WINDOW_MAX = 127

    def __init__(self, cluster, names, window=WINDOW_MAX):
        assert window <= self.WINDOW_MAX
        self._nodes = list(cluster.nodes.values())
        self._frames = [take_request(number % 128, name) for number, name in enumerate(names)]
        self._window = window
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.taken = 0
        self.refused = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stopping.set()
        self._thread.join()

    def wait_taken(self, more, timeout_s=60):
        goal = self.taken + more
        wait_until(lambda: self.taken >= goal, lambda: f"{goal} taken, now {self.taken}", timeout_s)

    def _run(self):
        turn = 0
        while not self._stopping.is_set():
            node = self._nodes[turn % len(self._nodes)]
            turn += 1
            try:
                with socket.create_connection((node.host, node.raft_port), 5) as connection:
                    self._converse(connection)
            except OSError:
                pass
            self._stopping.wait(0.02)

    def _converse(self, connection):
        """Until this node takes no more."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(frame(_CLIENT_HELLO, b""))
        buffer, under_way, position, welcome = bytearray(), 0, 0, False
        while not self._stopping.is_set():
            if welcome and under_way <= self._window // 2:
                wanted = [self._frames[(position + i) % len(self._frames)]
                          for i in range(self._window - under_way)]
                connection.sendall(b"".join(wanted))
                position += len(wanted)
                under_way = self._window
            data = connection.recv(65536)
            if not data:
                return
            buffer += data
            for kind, payload in _frames_of(buffer):
                if not welcome:
                    if kind == _REFUSED:
                        return
                    welcome = True
                    continue
                under_way -= 1
                if payload[1] != _CHANGE_REPLY:
                    self.refused += 1
                    return
                self.taken += 1


def _frames_of(buffer):
    """Takes the whole frames at its beginning out of it."""
    position = 0
    while len(buffer) - position >= _HEADER.size:
        _, _, kind, _, length, _ = _HEADER.unpack_from(buffer, position)
        if len(buffer) - position < _HEADER.size + length:
            break
        begin = position + _HEADER.size
        position = begin + length
        yield kind, bytes(buffer[begin:position])
    del buffer[:position]
