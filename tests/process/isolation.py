"""Keeps the processes of a test apart from everything else on the machine: ports of its own,
daemons that end with it and, where the kernel allows it, a network or mounts of its own."""

import ctypes
import fcntl
import itertools
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path

from pace import wait_until

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
_MS_REC, _MS_PRIVATE, _MNT_DETACH = 1 << 14, 1 << 18, 2
_SIOCSIFFLAGS, _SIOCSIFADDR, _IFF_UP, _IFF_RUNNING = 0x8914, 0x8916, 0x1, 0x40


# --- Ports ----------------------------------------------------------------------------------------

class Ports:
    """A block of ports that nobody else takes, not even between two runs of a node: below those
    that the kernel gives to outgoing connections, and held by a lock file while this process
    lives."""

    BLOCK = 256
    FIRST = 10240

    def __init__(self):
        directory = Path(tempfile.gettempdir()) / f"ticketd-test-ports-{os.getuid()}"
        directory.mkdir(exist_ok=True)
        outgoing = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()
        end = max(int(outgoing[0]), self.FIRST + self.BLOCK)
        for first in range(self.FIRST, end - self.BLOCK + 1, self.BLOCK):
            self._lock = open(directory / str(first), "w", encoding="ascii")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._lock.close()
                continue
            self._next = itertools.cycle(range(first, first + self.BLOCK))
            return
        raise RuntimeError(f"all blocks of test ports are taken: see {directory}")

    def take(self):
        for _ in range(self.BLOCK):
            port = next(self._next)
            try:
                for host in ("127.0.0.1", "127.0.0.2"):
                    with socket.socket() as probe:
                        # As the nodes do: connections that have ended do not hold a port.
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        probe.bind((host, port))
                return port
            except OSError:
                continue
        raise RuntimeError("no port of the block is free")


_ports = None


def free_port():
    global _ports  # one block for the whole process
    if _ports is None:
        _ports = Ports()
    return _ports.take()


# --- Daemons --------------------------------------------------------------------------------------

# Pids of the children that this process started itself, and waits for where it did.
started = set()


def adopt_daemons():
    """From now on a daemon of ours becomes our own child when its parent ends."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def daemons():
    """The children of this process that it did not start itself."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()
    return [pid for pid in map(int, children) if pid not in started]


def kill_daemons():
    for pid in daemons():
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def wait_daemon(pid, timeout_s=15):
    """Until that daemon ends; its exit code."""
    def ended():
        waited, status = os.waitpid(pid, os.WNOHANG)
        return [status] if waited == pid else None
    return os.waitstatus_to_exitcode(wait_until(ended, f"the daemon {pid} to end", timeout_s)[0])


# --- Private worlds -------------------------------------------------------------------------------

def enter_namespaces(network=False, mounts=False):
    """Gives this process a loopback or a mount table of its own, for all its time. Returns why not,
    when it cannot be. Requires that no thread was started yet."""
    user, group = os.getuid(), os.getgid()
    flags = (_CLONE_NEWNET if network else 0) | (_CLONE_NEWNS if mounts else 0)
    if user != 0:
        flags |= _CLONE_NEWUSER
    if _libc.unshare(flags) != 0:
        return f"no namespaces here: {os.strerror(ctypes.get_errno())}"
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", "ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", "ascii")
    if network:
        _bring_up_loopback()
    if mounts and _libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return f"no private mounts here: {os.strerror(ctypes.get_errno())}"
    return None


def _bring_up_loopback():
    flags = (_IFF_UP | _IFF_RUNNING).to_bytes(2, sys.byteorder)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, b"lo".ljust(16, b"\0") + flags + bytes(22))


def add_address(address):
    """An IPv4 address more for this process's own loopback, for a client that is not 127.0.0.1."""
    family = socket.AF_INET.to_bytes(2, sys.byteorder)
    request = b"lo:1".ljust(16, b"\0") + family + bytes(2) + socket.inet_aton(address) + bytes(16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFADDR, request)


def mount_tmpfs(directory, megabytes):
    """Requires mounts of our own. Returns why not, when it cannot be."""
    if _libc.mount(b"tmpfs", str(directory).encode(), b"tmpfs", 0, f"size={megabytes}m".encode()):
        return f"no tmpfs here: {os.strerror(ctypes.get_errno())}"
    return None


def unmount(directory):
    if _libc.umount2(str(directory).encode(), _MNT_DETACH):
        raise OSError(ctypes.get_errno(), f"cannot unmount {directory}")
