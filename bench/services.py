"""Other people's services as Debian has them, each on a free port of loopback, with throwaway settings."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.ports import POLL_S, await_listening, free_port
from bench.processes import ANYWHERE, Place, Running, ToolError, running

LOOPBACK = "127.0.0.1"
ANSWER_TIMEOUT_S = 20.0
NGINX_STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
# What is looked for, in PATH or in Debian's places beside it, and the packages that bring it.
PROGRAMS = {
    "redis-server": "redis-server",
    "redis-benchmark": "redis-tools",
    "memcached": "memcached",
    "initdb": "postgresql",
    "pgbench": "postgresql",
    "mosquitto": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "nginx": "nginx",
    "stunnel4": "stunnel4",
    "openssl": "openssl",
    "prometheus": "prometheus",
    "promtool": "prometheus",
}


def path_of(program: str) -> str | None:
    """Where a program is, in PATH or in Debian's places beside it; None where it is not installed."""
    beside = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/sbin")]
    return shutil.which(
        program, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, beside)])
    )


def program(name: str) -> str:
    """The same; ToolError, with the remedy, where it is not installed."""
    path = path_of(name)
    if path is None:
        raise ToolError(f"{name} is not installed: apt install {PROGRAMS[name]}")
    return path


def missing_packages() -> list[str]:
    """Debian's packages that must be installed before every service of this module can run."""
    missing = {package for name, package in PROGRAMS.items() if path_of(name) is None}
    if not NGINX_STREAM.exists():
        missing.add("libnginx-mod-stream")
    return sorted(missing)


def as_user(user: str, command: Sequence[str]) -> list[str]:
    """The command, run by this user where root would run it, which some services refuse."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *command]


@contextmanager
def redis(place: Place = ANYWHERE, path: Path | None = None) -> Iterator[int]:
    """Redis, which keeps nothing on disk; gives the port. path: of a unix socket where it listens too."""
    port = free_port()
    command = [program("redis-server"), "--bind", LOOPBACK, "--port", str(port), "--save", ""]
    if path is not None:
        command += ["--unixsocket", str(path)]
    with running("redis-server", command, place) as server:
        _await_answer(server, port, b"PING\r\n", b"+PONG")
        yield port


@contextmanager
def memcached(place: Place = ANYWHERE) -> Iterator[int]:
    """memcached, with 64 MB; gives the port."""
    port = free_port()
    command = [program("memcached"), "-l", LOOPBACK, "-p", str(port), "-U", "0", "-u", "nobody"]
    with running("memcached", command, place) as server:
        _await_answer(server, port, b"version\r\n", b"VERSION")
        yield port


@contextmanager
def postgres(place: Place = ANYWHERE) -> Iterator[int]:
    """PostgreSQL with a fresh cluster that trusts the user `postgres`; gives the port."""
    port = free_port()
    with _folder() as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data = str(folder / "data")
        made = [program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        _run_once("initdb", as_user("postgres", [*made, "--locale=C", "--no-sync"]), folder)
        options = {
            "listen_addresses": LOOPBACK,
            "port": str(port),
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "max_connections": "200",
        }
        flags = [text for name, value in options.items() for text in ("-c", f"{name}={value}")]
        server = as_user("postgres", [str(Path(program("initdb")).with_name("postgres")), "-D", data, *flags])
        with running("postgres", server, place) as process:
            # Authentication is asked for, or granted; an `E` says that it still starts up.
            _await_answer(process, port, _postgres_startup(), b"R")
            try:
                yield port
            finally:
                # Its SIGTERM waits until the last client has left; this one does not.
                os.kill(process.pid, signal.SIGINT)


@contextmanager
def mosquitto(place: Place = ANYWHERE) -> Iterator[int]:
    """The MQTT broker, open to everybody on loopback; gives the port."""
    port = free_port()
    lines = [f"listener {port} {LOOPBACK}", "allow_anonymous true", "persistence false", "log_dest stderr"]
    if os.geteuid() == 0:
        lines.append("user root")
    with _folder() as folder:
        file = _configuration(folder / "mosquitto.conf", lines)
        with running("mosquitto", [program("mosquitto"), "-c", file], place) as server:
            await_listening(port, server)
            yield port


@contextmanager
def prometheus(configuration: str, place: Place = ANYWHERE) -> Iterator[int]:
    """Prometheus, which scrapes what this configuration says; gives the port of its page."""
    port = free_port()
    with _folder() as folder:
        file = folder / "prometheus.yml"
        file.write_text(configuration, encoding="utf-8")
        flags = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}", "--log.level=error"]
        listen = f"--web.listen-address={LOOPBACK}:{port}"
        with running("prometheus", [program("prometheus"), *flags, listen], place) as server:
            await_listening(port, server)
            yield port


@contextmanager
def nginx(upstream: int, place: Place = ANYWHERE, certificate: Path | None = None) -> Iterator[int]:
    """nginx, which passes TCP streams on to a port of loopback; gives its own.

    certificate: PEM, with its key; with one it takes TLS off first.
    """
    port = free_port()
    if not NGINX_STREAM.exists():
        raise ToolError(f"{NGINX_STREAM} is missing: apt install libnginx-mod-stream")
    with _folder() as folder:
        secure = f"ssl_certificate {certificate}; ssl_certificate_key {certificate};" if certificate else ""
        listen = f"listen {LOOPBACK}:{port}{' ssl' if certificate else ''}; {secure}"
        lines = [
            f"load_module {NGINX_STREAM};",
            f"daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1;",
            "events { worker_connections 1024; }",
            f"stream {{ server {{ {listen} proxy_pass {LOOPBACK}:{upstream}; }} }}",
        ]
        file = _configuration(folder / "nginx.conf", lines)
        command = [program("nginx"), "-p", str(folder), "-e", "stderr", "-c", file]
        with running("nginx", command, place) as server:
            await_listening(port, server)
            yield port


@contextmanager
def stunnel(upstream: int, certificate: Path, place: Place = ANYWHERE) -> Iterator[int]:
    """stunnel, which takes TLS off and passes the rest on to a port of loopback; gives its own.

    certificate: PEM, with its key.
    """
    port = free_port()
    lines = [
        *("foreground = yes", "pid =", "syslog = no", "[service]"),
        *(f"accept = {LOOPBACK}:{port}", f"connect = {LOOPBACK}:{upstream}", f"cert = {certificate}"),
    ]
    with _folder() as folder:
        file = _configuration(folder / "stunnel.conf", lines)
        with running("stunnel", [program("stunnel4"), file], place) as server:
            await_listening(port, server)
            yield port


def _postgres_startup() -> bytes:
    body = struct.pack(">I", 196608) + b"user\0postgres\0\0"
    return struct.pack(">I", 4 + len(body)) + body


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that a user without rights can reach too, which pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="lockstep-service-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _configuration(file: Path, lines: Sequence[str]) -> str:
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def _run_once(name: str, command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise ToolError(f"{name} ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")


def _await_answer(server: Running, port: int, question: bytes, answer: bytes) -> None:
    """Wait until a service begins its answer so. ToolError if it ends, or does not in time."""
    await_listening(port, server)
    end = time.monotonic() + ANSWER_TIMEOUT_S
    while True:
        with socket.create_connection((LOOPBACK, port), timeout=ANSWER_TIMEOUT_S) as link:
            link.sendall(question)
            said = link.recv(4096)
        if said.startswith(answer):
            return
        server.check()
        if time.monotonic() > end:
            raise ToolError(f"{server.name} answers {said[:80]!r}, not {answer!r}")
        time.sleep(POLL_S)
