"""What a service complains of fails its message in the service's own words, and the connection goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.tcp.client import TcpClient
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.samples import Outcome, Phase, Sample, SampleMeter
from lockstep_wire.framings.memcached import Memcached
from lockstep_wire.framings.mqtt import Mqtt
from lockstep_wire.framings.postgresql import PostgreSQL
from lockstep_wire.framings.resp import Resp
from tests.support.commands import lockstep, only_run

pytestmark = pytest.mark.services

# The service, what is said first, what is wrong, what it says to that, and what is right still after it.
COMPLAINTS = {
    "redis-unknown": ("redis", Resp(), (), b"NONSENSE", "ERR unknown command 'NONSENSE'", b"PING"),
    "redis-type": ("redis", Resp(), (), b"LPUSH k 1", "WRONGTYPE Operation against a key", b"PING"),
    "memcached-error": ("memcached", Memcached(), (), b"nonsense", "ERROR", b"version"),
    "memcached-client": (
        "memcached",
        Memcached(),
        (),
        b"incr k x",
        "CLIENT_ERROR invalid numeric",
        b"version",
    ),
    "memcached-server": (
        "memcached",
        Memcached(),
        (),
        Memcached.set("big", "x" * (2 << 20)),
        "SERVER_ERROR object too large for cache",
        b"version",
    ),
    "postgresql": (
        "postgres",
        PostgreSQL(),
        (PostgreSQL.startup("postgres"),),
        b"SELECT * FROM nothing",
        'ERROR: relation "nothing" does not exist (42P01)',
        b"SELECT 1",
    ),
}


@pytest.mark.parametrize(
    ("service", "framing", "first", "wrong", "complaint", "right"), COMPLAINTS.values(), ids=COMPLAINTS
)
def test_a_complaint_fails_its_message_in_the_services_words_and_the_connection_stays(
    service: str,
    framing: Resp | Memcached | PostgreSQL,
    first: tuple[bytes, ...],
    wrong: bytes,
    complaint: str,
    right: bytes,
    request: pytest.FixtureRequest,
) -> None:
    samples: list[Sample] = []
    endpoint = Endpoint("127.0.0.1", request.getfixturevalue(service))
    client = TcpClient(endpoint, SampleMeter(samples.append), framing=framing)
    for message in first:
        assert client.request(message)
    assert client.request(wrong).outcome is Outcome.ERROR
    assert client.request(right)
    client.close()
    (failed,) = [sample for sample in samples if sample.outcome is not Outcome.ANSWERED]
    assert failed.detail.startswith(complaint)
    assert [sample.phase for sample in samples].count(Phase.CONNECT) == 1


def test_a_broker_that_refuses_a_connection_says_why(mosquitto: int) -> None:
    samples: list[Sample] = []
    endpoint = Endpoint("127.0.0.1", mosquitto)
    client = TcpClient(endpoint, SampleMeter(samples.append), framing=Mqtt())
    # Protocol level 9: there is none.
    assert client.request(b"\x10\x0d\0\4MQTT\x09\x02\0\x3c\0\1a").outcome is Outcome.ERROR
    client.close()
    refused = [sample.detail for sample in samples if sample.outcome is Outcome.ERROR]
    assert refused == ["connection refused: unacceptable protocol version (1)"]


DIALOGUE = """
target = { framing = "resp" }
[[step]]
name = "ping"
send = "PING"
expect = "+PONG"
[[step]]
name = "push"
send = "LPUSH k 1"
"""


def test_a_report_tells_the_errors_in_the_services_words_and_its_names_apart(
    redis: int, tmp_path: Path
) -> None:
    (tmp_path / "wrong.toml").write_text(DIALOGUE)
    words = ["run", str(tmp_path / "wrong.toml"), "--target", f"tcp://127.0.0.1:{redis}", "--users", "4"]
    done = lockstep(*words, "--seconds", "0.6", "--warmup", "0.2", "--out", str(tmp_path / "runs"))
    folder, run = only_run(tmp_path / "runs")
    (cell,) = run["cells"]
    pushes, pings = (cell["requests"][name]["messages"] for name in ("push", "ping"))
    assert pushes["error"] == pushes["sent"] > 0
    assert pings["answered"] == pings["sent"] > 0
    assert cell["examples"]["error"].startswith("WRONGTYPE Operation against a key")
    assert "WRONGTYPE Operation against a key" in (folder / "report.html").read_text()
    assert done.code in (0, 3)
