"""What the system allows and what its kernel has counted, read from files like its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep_server.kernel import listen_overflows, parse_counter
from lockstep_server.limits import cgroup_limits, least, open_files_limit, read_number, threads_limit

NETSTAT = """\
TcpExt: SyncookiesSent ListenOverflows ListenDrops
TcpExt: 0 107 943
IpExt: InNoRoutes ListenOverflows
IpExt: 5 6
"""


@pytest.mark.parametrize(
    ("text", "group", "name", "value"),
    [
        (NETSTAT, "TcpExt", "ListenOverflows", 107),
        (NETSTAT, "IpExt", "ListenOverflows", 6),
        (NETSTAT, "TcpExt", "Unheard", None),
        (NETSTAT, "MPTcpExt", "ListenOverflows", None),
        ("TcpExt: A B\nTcpExt: 1\n", "TcpExt", "A", None),
        ("", "TcpExt", "ListenOverflows", None),
    ],
)
def test_a_counter_is_found_by_group_and_name_or_not_at_all(
    text: str, group: str, name: str, value: int | None
) -> None:
    assert parse_counter(text, group, name) == value


def test_this_system_tells_its_own() -> None:
    assert (listen_overflows() or 0) >= 0
    assert (open_files_limit() or 1) > 0
    assert (threads_limit() or 1) > 0


@pytest.mark.parametrize(
    ("membership", "files", "limits"),
    [
        ("0::/a/b\n", {"a/b/pids.max": "max", "a/pids.max": "400", "pids.max": "900"}, [None, 400, 900]),
        ("8:pids:/a\n0::/\n", {"pids/a/pids.max": "70"}, [70, None, None]),
        ("4:memory:/a\n", {"memory/a/pids.max": "1"}, []),
        ("0::/gone\n", {}, [None, None]),
        (None, {}, []),
    ],
)
def test_every_control_group_above_can_limit_threads(
    tmp_path: Path, membership: str | None, files: dict[str, str], limits: list[int | None]
) -> None:
    proc, mount = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    if membership is not None:
        (proc / "self/cgroup").write_text(membership)
    for name, text in files.items():
        (mount / name).parent.mkdir(parents=True, exist_ok=True)
        (mount / name).write_text(text + "\n")
    assert list(cgroup_limits(proc, mount)) == limits


def test_the_least_limit_counts_and_what_is_no_limit_does_not(tmp_path: Path) -> None:
    assert least(None, 30, 20, None) == 20
    assert least(None) is None
    (tmp_path / "max").write_text("max\n")
    assert read_number(tmp_path / "max") is None
    assert read_number(tmp_path / "gone") is None
