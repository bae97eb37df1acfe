"""What the system gives this process: open files, and the local ports of its network."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from lockstep.control import WorkerLimits


def own_limits(worker: str, root: Path = Path("/")) -> WorkerLimits:
    """The limits of this process. root: where `proc` is."""
    return WorkerLimits(
        worker=worker,
        open_files=open_files_limit(),
        ports=_ports(root),
        network=_network(root),
        reuse=_reuse(root),
        process=os.getpid(),
    )


def raise_open_files() -> None:
    """Let this process open as many files as the system lets it: the soft limit up to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def open_files_limit() -> int | None:
    """How many files this process may have open; None where there is no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def port_count(text: str) -> int:
    """How many ports are in `32768 60999`, the first and the last."""
    first, last = text.split()
    return int(last) - int(first) + 1


def _ports(root: Path) -> int | None:
    try:
        return port_count((root / "proc/sys/net/ipv4/ip_local_port_range").read_text())
    except OSError:  # a container may hide it
        return None


def _network(root: Path) -> str | None:
    """The kernel's boot and the inode of the network namespace: the same only where the ports are shared."""
    try:
        boot = (root / "proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(root / 'proc/self/ns/net').stat().st_ino}"
    except OSError:  # a container may hide it
        return None


def _reuse(root: Path) -> int | None:
    try:
        return int((root / "proc/sys/net/ipv4/tcp_tw_reuse").read_text())
    except OSError:  # a container may hide it
        return None
