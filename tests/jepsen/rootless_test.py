#!/usr/bin/python3
"""The network of hosts works for users other than root, where they may open /dev/net/tun.

Usage: rootless_test.py TEST_PROGRAM. As root it runs the network's tests as another user, who sees
a device of his own in private mounts. Others have run them already, as themselves.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NOBODY = "65534"
SCRIPT = """
mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 || exit 77
exec setpriv --reuid {user} --regid {user} --clear-groups {program} -sf='*network_test*'
"""


def main():
    if os.geteuid() != 0:
        print("SKIPPED: this is not root")
        return 0
    with tempfile.TemporaryDirectory() as directory:
        # The build may stand where only root may look.
        os.chmod(directory, 0o755)
        program = Path(directory) / "test"
        shutil.copy(sys.argv[1], program)
        done = subprocess.run(["unshare", "--mount", "sh", "-c",
                               SCRIPT.format(user=NOBODY, program=program)],
                              capture_output=True, text=True, timeout=100, check=False)
    print(done.stdout, done.stderr)
    # Where mounts or devices are forbidden, nothing can be shown here.
    forbidden = done.returncode == 77 or "unshare failed" in done.stderr
    if forbidden:
        print("SKIPPED: no private mounts or devices here")
    return 0 if forbidden else done.returncode


if __name__ == "__main__":
    sys.exit(main())
