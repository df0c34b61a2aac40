"""Servers to measure, ticketd among them: each is started in a directory of its own, with its nodes
on free ports of loopback, and ended with all that it made."""

import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

HOST = "127.0.0.1"
START_TIMEOUT_S = 60
END_TIMEOUT_S = 20


class Failed(Exception):
    """A server that does not start, or a measurement that does not work."""


def free_ports(count):
    """Ports that nobody listens on, different from each other."""
    held = [socket.socket() for _ in range(count)]
    try:
        for holder in held:
            holder.bind((HOST, 0))
        return [holder.getsockname()[1] for holder in held]
    finally:
        for holder in held:
            holder.close()


def name(port):
    return f"{HOST}:{port}"


def wait_until(condition, what, timeout_s=START_TIMEOUT_S):
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"gave up after {timeout_s} s of waiting for {what}")
        time.sleep(0.02)
    return value


def http(address, path, body=None, timeout_s=2):
    """The answer's body, or None when there is none to be had."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", body, timeout_s) as response:
            return response.read()
    except OSError:
        return None


class Processes:
    """What was started, each in a process group of its own, its output in a file."""

    def __init__(self, directory):
        self.directory = directory
        self.started = []

    def start(self, label, arguments, **options):
        with open(self.directory / f"{label}.log", "wb") as log:
            process = subprocess.Popen(
                # They go with this process, however it ends.
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, arguments)], stdout=log,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
                **options)
        self.started.append((label, process))
        return process

    def log(self, label):
        return (self.directory / f"{label}.log").read_text(errors="replace")

    def check(self):
        """Fails when one of them has ended by itself."""
        for label, process in self.started:
            if process.poll() is not None:
                last = "\n".join(self.log(label).splitlines()[-5:])
                raise Failed(f"{label} ended with {process.returncode}: {last}")

    def end(self):
        for _, process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + END_TIMEOUT_S
        for _, process in self.started:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            try:  # workers that outlived it, too
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        self.started.clear()


class Server:
    """One of the peers. A `with` statement starts it and ends it."""

    label = ""
    # Its rows in the table: how `ticketd bench` asks it.
    protocol = ""
    # The package that brings it, and the program that shows that it is there.
    package = ""
    program = ""
    # The most requests of a connection under way that it is asked for.
    pipeline_max = 64

    @classmethod
    def missing(cls):
        """Why it cannot be started; empty: it can."""
        return "" if shutil.which(cls.program) else f"package {cls.package}"

    def __init__(self, directory):
        self.directory = Path(directory)

    def __enter__(self):
        self.directory.mkdir(parents=True)
        self.processes = Processes(self.directory)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.processes.end()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self):
        raise NotImplementedError

    def bench_options(self):
        """What `ticketd bench` is given to measure it."""
        raise NotImplementedError


class Ticketd(Server):
    """A cluster; over HTTP."""

    label = "ticketd, 3 nodes"
    protocol = "HTTP"
    binary = None
    size = 3
    node_options = ()

    @classmethod
    def missing(cls):
        return "" if Path(cls.binary).exists() else f"{cls.binary}: build it"

    @staticmethod
    @functools.cache
    def serves_redis():
        said = subprocess.run([Ticketd.binary, "--help"], capture_output=True, check=True)
        return b"--redis-port" in said.stdout

    def start(self):
        self.http, self.peer, self.redis, self.pids = [], [], [], []
        for node in range(1, self.size + 1):
            self._start_node(node)
        wait_until(lambda: self.status(0)["members"] and
                   sum(m["suffrage"] == "voter" for m in self.status(0)["members"]) == self.size,
                   f"{self.size} voters")

    def _start_node(self, node):
        label = f"node{node}"
        http_port, peer_port, redis_port = free_ports(3)
        begin = ["start"] if node == 1 else ["join", self.peer[0]]
        options = [*begin, "--id", node, "--path", self.directory / label, "--http-port", http_port,
                   "--raft-port", peer_port, *self.node_options]
        if self.serves_redis():
            options += ["--redis-port", redis_port]
        process = self.processes.start(label, [self.binary, *options])
        self.http.append(name(http_port))
        self.peer.append(name(peer_port))
        self.redis.append(name(redis_port))
        self.pids.append(process.pid)

        def serves():
            self.processes.check()
            return "serving:" in self.processes.log(label)
        wait_until(serves, f"{label} to serve")

    def status(self, place):
        answer = subprocess.run([self.binary, "status", "-o", "json", "--peer", self.peer[place]],
                                capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            return {"members": [], "leader": None, "id": None}
        return json.loads(answer.stdout)

    def leader(self):
        """The place of the node that leads."""
        return wait_until(lambda: self.status(0)["leader"], "a leader") - 1

    def bench_options(self):
        return ["--http", ",".join(self.http)]


class TicketdRedis(Ticketd):
    """The same; over the Redis protocol."""

    protocol = "Redis"
    redis_command = ("TICKET",)

    @classmethod
    def missing(cls):
        lacking = super().missing()
        return lacking or ("" if cls.serves_redis() else "a ticketd with --redis-port")

    def bench_options(self):
        return ["--redis", ",".join(self.redis)]

    def redis_address(self):
        return self.redis[self.leader()]


class Redis(Server):
    """A redis-server without a log."""

    label = "redis-server, no log"
    protocol = "Redis"
    package = program = "redis-server"
    log_options = ("--appendonly", "no")
    redis_command = ("INCR", "k")

    def start(self):
        [self.port] = free_ports(1)
        self.processes.start("redis", ["redis-server", "--port", self.port, "--bind", HOST,
                                       "--dir", self.directory, "--save", "", *self.log_options])
        wait_until(self._answers, "redis-server")

    def _answers(self):
        self.processes.check()
        try:
            with socket.create_connection((HOST, self.port), 2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def bench_options(self):
        return ["--redis", self.redis_address(), "--command", " ".join(self.redis_command),
                "--expect", ":"]

    def redis_address(self):
        return name(self.port)


class DurableRedis(Redis):
    """A redis-server that syncs its log before it answers, and does not rewrite it meanwhile."""

    label = "redis-server, appendfsync always"
    log_options = ("--appendonly", "yes", "--appendfsync", "always",
                   "--auto-aof-rewrite-percentage", "0")


class Etcd(Server):
    """Three nodes; puts through the leader's JSON gateway."""

    label = "etcd, 3 nodes, put"
    protocol = "HTTP"
    package, program = "etcd-server", "etcd"
    pipeline_max = 1
    size = 3

    def start(self):
        ports = free_ports(2 * self.size)
        self.clients = [name(port) for port in ports[:self.size]]
        peers = [f"http://{name(port)}" for port in ports[self.size:]]
        cluster = ",".join(f"n{i}={peer}" for i, peer in enumerate(peers))
        for i, (client, peer) in enumerate(zip(self.clients, peers)):
            self.processes.start(f"n{i}", [
                "etcd", "--name", f"n{i}", "--data-dir", self.directory / f"n{i}",
                "--listen-client-urls", f"http://{client}",
                "--advertise-client-urls", f"http://{client}", "--listen-peer-urls", peer,
                "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster,
                "--initial-cluster-state", "new", "--logger", "zap"])
        self.leader = wait_until(self._find_leader, "an etcd leader")

    def _find_leader(self):
        self.processes.check()
        for client in self.clients:
            answer = http(client, "/v3/maintenance/status", b"{}")
            status = json.loads(answer) if answer else {}
            if status.get("leader") and status["leader"] == status["header"]["member_id"]:
                return client
        return None

    def bench_options(self):
        # "k" and "v" in base64.
        return ["--http", self.leader, "--method", "POST", "--target", "/v3/kv/put", "--body",
                '{"key":"aw==","value":"dg=="}', "--expect", "revision"]


class Nginx(Server):
    """Answers a constant: what HTTP costs alone."""

    label = "nginx, a constant"
    protocol = "HTTP"
    package, program = "nginx-light", "nginx"

    CONFIGURATION = """
        daemon off; error_log {directory}/error.log; pid {directory}/nginx.pid; {user}
        worker_processes auto;
        events {{ worker_connections 4096; }}
        http {{
          access_log off; keepalive_requests 1000000000;
          client_body_temp_path {directory}/b; proxy_temp_path {directory}/p;
          fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u;
          scgi_temp_path {directory}/s;
          server {{ listen {host}:{port}; location / {{ return 200 "1\\n"; }} }}
        }}
    """

    def start(self):
        [self.port] = free_ports(1)
        file = self.directory / "nginx.conf"
        file.write_text(self.CONFIGURATION.format(
            directory=self.directory, host=HOST, port=self.port,
            user="user root;" if os.getuid() == 0 else ""))
        self.processes.start("nginx", ["nginx", "-p", self.directory, "-c", file])

        def answers():
            self.processes.check()
            return http(name(self.port), "/") == b"1\n"
        wait_until(answers, "nginx")

    def bench_options(self):
        return ["--http", name(self.port), "--target", "/", "--expect", "1"]


class ZooKeeper(Server):
    """Three nodes; persistent sequential creates at the leader, by zookeeper_load.py, since
    `ticketd bench` does not speak its protocol."""

    label = "ZooKeeper, 3 nodes, sequential create"
    protocol = "ZooKeeper"
    package, program = "zookeeper", "java"
    pipeline_max = 1
    size = 3
    jar = Path("/usr/share/java/zookeeper.jar")

    @classmethod
    def missing(cls):
        return super().missing() or ("" if cls.jar.exists() else f"package {cls.package}")

    def start(self):
        ports = free_ports(3 * self.size)
        self.clients = ports[:self.size]
        quorum = "".join(
            f"server.{i + 1}={HOST}:{ports[self.size + i]}:{ports[2 * self.size + i]}\n"
            for i in range(self.size))
        for i, port in enumerate(self.clients):
            data = self.directory / f"node{i + 1}"
            data.mkdir()
            (data / "myid").write_text(f"{i + 1}\n")
            file = self.directory / f"zoo{i + 1}.cfg"
            file.write_text(f"tickTime=500\ninitLimit=20\nsyncLimit=10\ndataDir={data}\n"
                            f"clientPort={port}\nclientPortAddress={HOST}\nmaxClientCnxns=0\n"
                            f"admin.enableServer=false\n{quorum}")
            self.processes.start(f"zookeeper{i + 1}", [
                "java", "-Dzookeeper.jmx.log4j.disable=true", "-cp", self.jar,
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", file], cwd=data)
        self.leader = wait_until(self._find_leader, "a ZooKeeper leader")

    def _find_leader(self):
        self.processes.check()
        for port in self.clients:
            try:
                with socket.create_connection((HOST, port), 2) as connection:
                    connection.sendall(b"srvr")
                    if b"Mode: leader" in connection.makefile("rb").read():
                        return port
            except OSError:
                pass
        return None


PEERS = [Ticketd, TicketdRedis, DurableRedis, Redis, Etcd, Nginx, ZooKeeper]
