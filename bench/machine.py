"""What a measurement was made on."""

import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

SYNCS = 200


def first_match(path, key):
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(key):
            return line.split(":", 1)[1].strip()
    return "unknown"


def file_system(directory):
    answer = subprocess.run(["stat", "-f", "-c", "%T", directory], capture_output=True, text=True,
                            check=False)
    return answer.stdout.strip() or "unknown"


def flush_us(directory):
    """Median microseconds of a 4 KiB write that goes over an old one, with its fdatasync."""
    path = Path(directory) / "flush"
    times = []
    with open(path, "wb", buffering=0) as file:
        file.write(bytes(1 << 20))
        os.fsync(file.fileno())
        for i in range(SYNCS):
            file.seek(4096 * (i % 256))
            begun = time.monotonic()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append((time.monotonic() - begun) * 1e6)
    path.unlink()
    return statistics.median(times)


def describe(directory):
    """Lines of Markdown."""
    memory_gib = int(first_match("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)
    release = platform.freedesktop_os_release().get("PRETTY_NAME", "an unknown release")
    return [
        f"- {os.cpu_count()} cores ({first_match('/proc/cpuinfo', 'model name')}), "
        f"{memory_gib:.0f} GiB, Linux {platform.release()}, {release}",
        f"- {file_system(directory)}; a flush of 4 KiB takes {flush_us(directory):.0f} us",
        f"- load average before the run: {os.getloadavg()[0]:.2f}",
    ]
