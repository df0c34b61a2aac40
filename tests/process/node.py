"""One node as a process: started, watched, asked, stopped, killed."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import isolation
from pace import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
TICKETD = Path(os.environ.get("TICKETD", ROOT / "build/release/ticketd")).resolve()

# A node says in its log that it serves, with its real ports; that it leads; a joiner, that it has
# arrived.
SERVING = r"serving: http (\S+) peer (\S+)"
LEADING = r"leader in term"
VOTER = r"this node is a voter"
# The exit code of a node in which a sanitizer found something.
SANITIZER_EXIT_CODE = 99


class Log:
    """The lines of a node, as they come, over all its runs."""

    def __init__(self):
        self.lines = []
        self._changed = threading.Condition()

    def follow(self, stream, prefix=""):
        """Reads it to its end, in a thread of its own."""
        thread = threading.Thread(target=self._read, args=(stream, prefix), daemon=True)
        thread.start()
        return thread

    def _read(self, stream, prefix):
        with stream:
            for line in stream:
                self.add(prefix + line.decode(errors="replace").rstrip("\n"))

    def add(self, line):
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def find(self, pattern, since=0):
        """The first match in the lines from number `since` on, or None."""
        expression = re.compile(pattern)
        with self._changed:
            matches = (expression.search(line) for line in self.lines[since:])
            return next((match for match in matches if match), None)

    def wait(self, ready, timeout_s):
        """Until `ready()`, which is asked at every line and now and then; its last value."""
        deadline = time.monotonic() + timeout_s * PATIENCE
        with self._changed:
            while not (value := ready()) and time.monotonic() < deadline:
                self._changed.wait(0.05)
            return value


def spawn(arguments, under=(), env=None, **options):
    """A ticketd that dies with this process, in a process group of its own; `under` is a command
    that starts it."""
    # The kernel tells a child of the death of the thread that forked it.
    assert threading.current_thread() is threading.main_thread()
    environment = {**os.environ, **(env or {})}
    for sanitizer in ("ASAN", "LSAN", "TSAN", "UBSAN"):
        name = f"{sanitizer}_OPTIONS"
        environment[name] = f"{environment.get(name, '')}:exitcode={SANITIZER_EXIT_CODE}"
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", *under, str(TICKETD), *map(str, arguments)],
        start_new_session=True, env=environment,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
           **options})
    isolation.started.add(process.pid)
    return process


class Answer:
    """What a command said: exit code, standard output, standard error."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit code {self.code}\n  stdout: {self.out}\n  stderr: {self.err}"


def ticketd(*arguments, timeout_s=30, **options):
    """Runs a command to its end."""
    process = spawn(arguments, **options)
    try:
        out, err = process.communicate(timeout=timeout_s * PATIENCE)
    except BaseException as error:
        process.kill()
        out, err = process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise AssertionError(f"`ticketd {' '.join(map(str, arguments))}` did not end in "
                                 f"{timeout_s * PATIENCE} s: {Answer(None, out, err)}") from None
        raise
    return Answer(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def host_and_port(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Node:
    """A node: its directory, its addresses and, while it runs, its process."""

    def __init__(self, node_id, directory, options=(), host="127.0.0.1", advertise=None, under=(),
                 redis=False):
        self.id, self.directory, self.host = node_id, Path(directory), host
        # What it announces, instead of the host that it listens on.
        self.advertise = advertise
        self.options = list(options)
        # Whether it speaks the Redis protocol.
        self.redis = redis
        # A command that starts it, such as one that sets a limit.
        self.under = list(under)
        self.log = Log()
        self.process = None
        self.paused = False
        self.first_line = 0
        self._readers = []
        self.take_new_ports()

    def take_new_ports(self):
        self.raft_port, self.http_port = isolation.free_port(), isolation.free_port()
        self.redis_port = isolation.free_port() if self.redis else None

    @property
    def peer(self):
        return host_and_port(self.advertise or self.host, self.raft_port)

    @property
    def listens_at(self):
        """The peer address without what is announced instead of it."""
        return host_and_port("127.0.0.1" if self.host == "0.0.0.0" else self.host, self.raft_port)

    @property
    def http(self):
        return host_and_port(self.advertise or self.host, self.http_port)

    @property
    def redis_address(self):
        return host_and_port(self.advertise or self.host, self.redis_port)

    @property
    def url(self):
        return f"http://{self.http}/"

    @property
    def http_endpoint(self):
        """For a socket of this test."""
        return (self.host, self.http_port)

    # --- Starting ---------------------------------------------------------------------------------

    def start(self, *options, wait=True):
        """As the first node of a new cluster, which leads when this returns."""
        return self._run(["start", "--id", self.id, *options], wait and LEADING)

    def join(self, contact, *options, wait=True):
        """As one more node of the cluster that the node `contact` is in."""
        return self._run(["join", contact.peer, "--id", self.id, *options], wait and VOTER)

    def rejoin(self, *options, wait=True):
        """With what its directory holds."""
        return self._run(options, wait and SERVING)

    def _run(self, command, line):
        """Until it says that line, when one is given."""
        assert not self.running, f"node {self.id} runs"
        arguments = self.command_line(*command)
        self.first_line = len(self.log.lines)
        self.process = spawn(arguments, under=self.under, cwd=self.directory.parent)
        self.log.add(f"--- pid {self.process.pid}: ticketd {' '.join(map(str, arguments))}")
        self._readers = [self.log.follow(self.process.stdout, "stdout: "),
                         self.log.follow(self.process.stderr)]
        if line:
            self.wait_line(line, 30)
        return self

    def command_line(self, *command):
        advertise = ["--advertise", self.advertise] if self.advertise else []
        redis = ["--redis_port", self.redis_port] if self.redis else []
        return [*command, "--path", self.directory, "--host", self.host,
                "--raft_port", self.raft_port, "--http_port", self.http_port,
                *redis, *advertise, *self.options]

    # --- What it says -----------------------------------------------------------------------------

    def wait_line(self, pattern, timeout_s=20):
        """The first match in what this run has said so far, or says in time."""
        self.log.wait(lambda: self.said(pattern) or not self.running, timeout_s)
        if not self.running:
            self._finish_log()
        found = self.said(pattern)
        if not found:
            state = "runs" if self.running else f"ended with {self.process.returncode}"
            raise AssertionError(f"node {self.id} ({state}) did not say {pattern!r}")
        return found

    def said(self, pattern):
        """The first match in what the present or last run has said so far, or None."""
        return self.log.find(pattern, self.first_line)

    def _finish_log(self):
        for reader in self._readers:
            reader.join(5)

    # --- Ending -----------------------------------------------------------------------------------

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.paused = False
        self._finish_log()

    def terminate(self, number=signal.SIGTERM):
        """Asks it to stop; does not wait."""
        self.resume()
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Asks it to stop and waits; its exit code."""
        self.terminate(number)
        return self.wait_exit()

    def wait_exit(self, timeout_s=15):
        """Until it ends by itself; its exit code."""
        try:
            code = self.process.wait(timeout_s * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"node {self.id} still runs") from None
        self._finish_log()
        return code

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True

    def resume(self):
        if self.paused:
            self.process.send_signal(signal.SIGCONT)
            self.paused = False

    # --- Asking -----------------------------------------------------------------------------------

    def ticketd(self, command, *arguments, **options):
        """A client command that asks this node."""
        return ticketd(command, *arguments, "--peer", self.listens_at,
                       cwd=self.directory.parent, **options)

    def status(self):
        """What `status -o json` says, or None when the node does not answer."""
        if not self.running or self.paused:
            return None
        answer = self.ticketd("status", "-o", "json")
        return json.loads(answer.out) if answer.code == 0 else None

    def data_bytes(self):
        """Bytes that its directory takes on the disk."""
        total = 0
        for path in self.directory.rglob("*"):
            try:
                total += path.stat().st_blocks * 512
            except FileNotFoundError:
                pass
        return total

    def cpu_s(self):
        """Processor time of its process so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text("ascii")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
