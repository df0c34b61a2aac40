"""How much these tests do in this build, and how they wait: for something to be so, never for time
to pass."""

import os
import threading
import time

# How much load and how many rounds: 1 in a release build, less where sanitizers slow the nodes.
SCALE = float(os.environ.get("TICKETD_TEST_SCALE", "1"))
# Whether figures in seconds are asserted. They are promised of release builds alone.
TIMING = os.environ.get("TICKETD_TEST_TIMING", "1") == "1"
# A deadline only ends a hopeless wait; a slow build gets more.
PATIENCE = 1 if TIMING else 4

_never = threading.Event()


def scaled(count, at_least=1):
    return max(at_least, int(count * SCALE))


def wait_until(condition, what, timeout_s=20):
    """The first true value of `condition`, asked again and again; fails when none comes.

    `what` tells what was waited for: a text, or a function that makes one."""
    deadline = time.monotonic() + timeout_s * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            what = what() if callable(what) else what
            raise AssertionError(f"gave up after {timeout_s * PATIENCE} s of waiting for {what}")
        _never.wait(0.01)
