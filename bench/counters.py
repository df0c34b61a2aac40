"""What the kernel counts of a process, and what it allocates."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
CALLS_EVENT = "raw_syscalls:sys_enter"


def cpu_us(pid):
    """Processor time of all its threads so far, to a tick of some milliseconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_US


def written_bytes(pid):
    """Bytes that it wrote into files so far: whole blocks here, so they are what the disk writes,
    but for the file system's own. (write_bytes beside it counts all of a large folio when one block
    of it is written.) Sockets are sent to by other calls, which do not count."""
    for line in Path(f"/proc/{pid}/io").read_text(encoding="utf-8").splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    return 0


def memory_kib(pid, field):
    """A field of /proc/PID/status: VmRSS, RssAnon, RssFile."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return 0


def allocations(path):
    """As bench/allocations.cpp keeps them."""
    return struct.unpack("=Q", Path(path).read_bytes())[0]


def counts_calls():
    """Whether system calls can be counted without slowing the process: perf, its tracepoint, and
    the right to use them."""
    return shutil.which("perf") is not None and subprocess.run(
        ["perf", "stat", "-e", CALLS_EVENT, "true"], capture_output=True, check=False
    ).returncode == 0


class Calls:
    """Counts the system calls of a process while a `with` statement lasts."""

    def __init__(self, pid):
        self.pid = pid
        self.count = None

    def __enter__(self):
        self.perf = subprocess.Popen(
            ["perf", "stat", "-x", ",", "-e", CALLS_EVENT, "-p", str(self.pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.perf.send_signal(2)
        _, text = self.perf.communicate()
        first = text.split(",", 1)[0].strip()
        self.count = int(first) if first.isdigit() else None
