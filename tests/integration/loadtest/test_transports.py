"""One comparison over TCP, TLS and a unix socket, and what is said where nobody checks a certificate."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from lockstep.tcp.endpoint import UNVERIFIED
from tests.support.certificates import Authority, authority
from tests.support.commands import compare_well, lockstep, only_run, run_here
from tests.support.ways import echo_in_each_way

SHORT = (
    *("--levels", "2", "--repeats", "1", "--seconds", "1", "--warmup", "0.1"),
    *("--framing", "line", "--reply", "echo"),
)


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.getbasetemp())


def test_ways_to_a_service_stand_side_by_side_and_only_tls_has_handshakes(
    tmp_path: Path, trusted: Authority
) -> None:
    with echo_in_each_way(trusted, tmp_path / "it.sock") as ways:
        named = {
            "plain": ways["tcp"],
            "checked": f"{ways['tls']}?ca={trusted.ca}&nodelay=on",
            "anybody": f"{ways['tls']}?verify=off&resume=off",
            "local": ways["unix"],
        }
        targets = [word for name, url in named.items() for word in ("--target", f"{name}={url}")]
        done = compare_well(tmp_path / "results", *targets, *SHORT)
    folder, run = only_run(tmp_path / "results")
    cells = {cell["mode"]: cell for cell in run["cells"]}
    assert cells.keys() == named.keys()
    for name, cell in cells.items():
        assert cell["messages"]["answered"] == cell["messages"]["sent"] > 0, name
        assert ("handshake" in cell["times"]) == name.startswith(("checked", "anybody"))
    checked, anybody = cells["checked"], cells["anybody"]
    # Of each user's connections the first is a full one.
    assert checked["handshakes"] - checked["resumed"] == 2
    assert anybody["handshakes"] > 2
    assert anybody["resumed"] == 0
    place = ways["tls"].removeprefix("tls://")
    warning = f"anybody: {UNVERIFIED.format(place=place)}"
    assert done.err.count(warning) == 1
    assert run["notes"] == [warning]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert warning in page
    assert "median TLS handshake is" in page
    rows = {row["mode"]: row for row in csv.DictReader((folder / "summary.csv").read_text().splitlines())}
    assert float(rows["checked"]["handshake_p50_us"]) <= float(rows["checked"]["handshake_p99_us"])
    assert rows["plain"]["handshake_p50_us"] == ""


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("tls://127.0.0.1:9?ca=nowhere.pem", "ca=nowhere.pem cannot be read"),
        ("tls://127.0.0.1:9?cert=nowhere.pem", "cert=nowhere.pem cannot be read"),
        ("tls://127.0.0.1:9?verify=no", "has verify=no: write on or off"),
        ("unix:///tmp/x?source=127.0.0.2", "cannot have source, which unix:// has not"),
        ("tcp://127.0.0.1:9?source=192.0.2.77", "cannot connect from --source 192.0.2.77"),
        ("unix:///no/such/socket", "it: no connection to unix:///no/such/socket (no such file or directory)"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line_before_the_run(tmp_path: Path, url: str, told: str) -> None:
    done = lockstep("compare", "--target", f"it={url}", *SHORT, cwd=tmp_path)
    assert done.code == 2, done.err
    (line,) = done.err.splitlines()
    assert told in line
    assert list(tmp_path.iterdir()) == []


def test_a_tcp_user_speaks_tls_and_says_once_that_nobody_checks(tmp_path: Path, trusted: Authority) -> None:
    with echo_in_each_way(trusted, tmp_path / "it.sock") as ways:
        (tmp_path / "mine.py").write_text(
            "from locust import task\n"
            "from lockstep import TcpUser\n"
            "class Mine(TcpUser):\n"
            f"    host, framing = '{ways['tls']}?verify=off', 'line'\n"
            "    @task\n"
            "    def ping(self):\n"
            "        self.client.request(b'ping', expect=b'ping')\n"
            "        self.client.close()\n",
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "locust", "-f", "mine.py", "--headless", "--json", "-u", "3"]
        done = run_here(*command, "-r", "3", "-t", "2s", cwd=tmp_path)
    assert done.code == 0, done.err
    rows = {row["method"]: row for row in json.loads(done.out)}
    assert rows["handshake"]["num_requests"] >= rows["message"]["num_requests"] > 3
    assert all(row["num_failures"] == 0 for row in rows.values())
    assert done.err.count("verify=off: the certificate of 127.0.0.1") == 1
    assert "Traceback" not in done.err
