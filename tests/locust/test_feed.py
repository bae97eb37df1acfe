"""What Locust gets to hear of requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from locust import TaskSet, task
from locust.env import Environment
from locust.stats import setup_distributed_stats_event_listeners

from lockstep.record.journal import Batch, Journal
from lockstep.tcp.by_id import by_id
from lockstep.tcp.samples import ABSENT, Outcome, Phase, Reply, Sample, tag_of
from lockstep.user_id_client import UserIdClient
from lockstep.users import TcpUser, feed_of
from tests.factories.units import MS, S
from tests.support.crew import Echo

NAME = "free"


def environment_with_runner() -> Environment:
    """Locust's, with a runner and with Locust's own listener, which fills its table."""
    environment = Environment()
    environment.create_local_runner()
    return environment


def tell(journal: Journal, count: int, phase: Phase = Phase.MESSAGE) -> None:
    """So many steps that are just over."""
    for number in range(count):
        now_ns = time.monotonic_ns()
        if phase is Phase.MESSAGE:
            journal.message((ABSENT, now_ns - (number + 1) * MS, now_ns, ABSENT, ABSENT, 10, 20, 0))
        else:
            journal.step(phase, now_ns - (number + 1) * MS, now_ns)


def test_where_nobody_listens_the_table_is_filled_in_bulk_and_no_event_is_fired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = environment_with_runner()
    fired: list[Any] = []
    feed = feed_of(environment)
    real = environment.events.request.fire

    def fire(**event: Any) -> None:
        fired.append(event)
        real(**event)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(environment.events.request, "fire", fire)
    journal = feed.journal_of(NAME)
    tell(journal, 5)
    tell(journal, 2, Phase.CONNECT)
    assert environment.stats.total.num_requests == 0
    feed.flush()
    assert environment.stats.get(NAME, "message").num_requests == 5
    assert environment.stats.get(NAME, "message").total_content_length == 100
    assert environment.stats.get(NAME, "connect").num_requests == 2
    assert fired == []


def test_a_listener_hears_each_event_once_and_the_table_counts_it_once() -> None:
    environment = environment_with_runner()
    heard: list[tuple[str, str, float, int]] = []

    def listen(request_type: str, name: str, response_time: float, response_length: int, **_: Any) -> None:
        heard.append((request_type, name, response_time, response_length))

    environment.events.request.add_listener(listen)
    batches: list[Batch] = []
    feed = feed_of(environment)
    journal = feed.new_journal(NAME, readers=(batches.append,))
    feed.register(NAME, journal)
    tell(journal, 5)
    tell(journal, 2, Phase.CLOSE)
    tell(journal, 3, Phase.SCHEDULE_DELAY)
    feed.flush()
    feed.flush()
    assert [(kind, name) for kind, name, _, _ in heard] == [("message", NAME)] * 5 + [("close", NAME)] * 2
    assert [time_ms for kind, _, time_ms, _ in heard if kind == "message"] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert environment.stats.get(NAME, "close").num_requests == 2
    assert environment.stats.get(NAME, "message").num_requests == environment.stats.total.num_requests == 5
    # Our own readers get all the same, and once.
    assert [len(batch.messages) for batch in batches] == [5]
    assert [len(batch.steps[Phase.SCHEDULE_DELAY]) for batch in batches] == [3]


def test_a_listener_without_locusts_own_hears_every_event() -> None:
    environment = Environment()
    heard: list[Any] = []
    environment.events.request.add_listener(lambda **event: heard.append(event))
    feed = feed_of(environment)
    tell(feed.journal_of(NAME), 3)
    feed.flush()
    assert len(heard) == 3
    assert environment.stats.total.num_requests == 0


def test_with_and_without_a_listener_the_table_is_the_same() -> None:
    tables = []
    for listens in (False, True):
        environment = environment_with_runner()
        if listens:
            environment.events.request.add_listener(lambda **_: None)
        feed = feed_of(environment)
        journal = feed.journal_of(NAME)
        tell(journal, 40)
        journal.failure(Sample(Phase.MESSAGE, Outcome.RESET, 0, MS, detail="gone", received_bytes=3))
        feed.flush()
        tables.append(environment.stats)
    bulk, single = (table.get(NAME, "message") for table in tables)
    for name in ("num_requests", "num_none_requests", "num_failures", "response_times"):
        assert getattr(bulk, name) == getattr(single, name), name
    assert bulk.total_content_length == single.total_content_length == 40 * 20 + 3


def test_failures_reach_locusts_failures_and_no_percentile() -> None:
    environment = environment_with_runner()
    journal = feed_of(environment).journal_of(NAME)
    for _ in range(2):
        journal.failure(Sample(Phase.MESSAGE, Outcome.RESET, 0, 9 * S, detail="Connection reset by peer"))
    journal.failure(Sample(Phase.CONNECT, Outcome.REFUSED, 0, 9 * S))
    messages = environment.stats.get(NAME, "message")
    assert (messages.num_requests, messages.num_failures, messages.num_none_requests) == (2, 2, 2)
    assert messages.response_times == {}
    errors = {
        (error.method, str(error.error)): error.occurrences for error in environment.stats.errors.values()
    }
    assert {kind: count for (kind, _), count in errors.items()} == {"message": 2, "connect": 1}
    assert any("reset: Connection reset by peer" in text for _, text in errors)
    assert any("refused" in text and "refused:" not in text for _, text in errors)


def test_the_journals_are_handed_on_before_locust_reports_to_its_master() -> None:
    environment = Environment()
    # Where Locust's own listener comes first, as on a worker.
    setup_distributed_stats_event_listeners(environment.events, environment.stats)
    feed = feed_of(environment)
    tell(feed.journal_of(NAME), 5)
    tell(feed.journal_of("lock"), 2)
    report: dict[str, Any] = {}
    environment.events.report_to_master.fire(client_id="w1", data=report)
    assert report["stats_total"]["num_requests"] == 7
    assert {row["name"]: row["num_requests"] for row in report["stats"]} == {NAME: 5, "lock": 2}


def test_the_end_of_a_test_and_a_new_journal_of_that_name_hand_on_what_is_held() -> None:
    environment = environment_with_runner()
    feed = feed_of(environment)
    tell(feed.journal_of(NAME), 3)
    other = feed.new_journal(NAME)
    feed.register(NAME, other)
    assert environment.stats.total.num_requests == 3
    assert feed.journal_of(NAME) is other
    tell(other, 1)
    environment.events.test_stop.fire(environment=environment)
    assert environment.stats.total.num_requests == 4
    tell(other, 1)
    environment.events.quitting.fire(environment=environment)
    assert environment.stats.total.num_requests == 5


class Talker(TcpUser):
    """Says hello once, rightly and wrongly."""

    wait_time = None  # type: ignore[assignment]  # nobody runs it

    def talk(self) -> None:
        assert self.client.connect() is Outcome.ANSWERED
        assert self.client.request(b"hello", b"hello")
        assert not self.client.request(b"hello", b"goody")
        self.client.close()

    @task
    class Nothing(TaskSet):
        """Locust wants a task; the case calls talk."""


@pytest.fixture
def peer() -> Iterator[Echo]:
    with Echo() as peer:
        yield peer


def talker(kind: type[Talker], environment: Environment, peer: Echo) -> Talker:
    kind.host = f"tcp://127.0.0.1:{peer.port}"
    return kind(environment)


def test_a_user_that_overrides_on_sample_sees_every_sample_and_feeds_locust_itself(peer: Echo) -> None:
    seen: list[Sample] = []

    class Watcher(Talker):
        def on_sample(self, sample: Sample) -> None:
            seen.append(sample)
            super().on_sample(sample)

    environment = environment_with_runner()
    talker(Watcher, environment, peer).talk()
    assert [(sample.phase.value, sample.outcome.value) for sample in seen] == [
        ("connect", "answered"),
        ("message", "answered"),
        ("first_reply", "answered"),
        ("message", "mismatch"),
    ]
    assert environment.stats.get("Watcher", "message").num_requests == 2
    assert environment.stats.get("Watcher", "message").num_failures == 1
    assert environment.stats.total.num_requests == 2


def test_users_whom_nobody_watches_share_a_journal_and_fill_the_same_table(peer: Echo) -> None:
    environment = environment_with_runner()
    for _ in range(2):
        talker(Talker, environment, peer).talk()
    # Failures are fired at once, the rest when the journal is handed on.
    assert environment.stats.total.num_requests == 2
    environment.events.test_stop.fire(environment=environment)
    assert environment.stats.total.num_requests == 4
    messages = environment.stats.get("Talker", "message")
    assert (messages.num_requests, messages.num_failures) == (4, 2)
    assert messages.total_content_length == 20


@pytest.mark.parametrize("listened", [True, False])
def test_each_name_of_messages_has_a_row_of_its_own(listened: bool) -> None:
    environment = environment_with_runner()
    if listened:
        environment.events.request.add_listener(lambda **_: None)
    feed = feed_of(environment)
    journal = feed.journal_of(NAME)
    now_ns = time.monotonic_ns()
    for name in ("GET", "SET", "GET", None):
        tag = tag_of(name, checked=True)
        journal.message((ABSENT, now_ns - MS, now_ns, ABSENT, ABSENT, 10, 20, tag))
    journal.failure(Sample(Phase.MESSAGE, Outcome.ERROR, now_ns - MS, now_ns, detail="ERR no", name="GET"))
    feed.flush()
    rows = {key: entry.num_requests for key, entry in environment.stats.entries.items()}
    assert rows == {("GET", "message"): 3, ("SET", "message"): 1, (NAME, "message"): 1}
    assert environment.stats.total.num_requests == 5
    assert [str(each.error) for each in environment.stats.errors.values()] == ["error: ERR no"]


def test_a_listener_is_told_all_that_locust_documents() -> None:
    environment = environment_with_runner()
    heard: list[dict[str, Any]] = []
    environment.events.request.add_listener(lambda **event: heard.append(event))

    class Told(TcpUser):
        host = "tcp://127.0.0.1:9"

        def context(self) -> dict[str, Any]:
            return {"user": "ann"}

        @task
        def nothing(self) -> None:
            """Not run here."""

    user, reply = Told(environment), Reply(Outcome.ANSWERED, b"pong")
    now_ns = time.monotonic_ns()
    tag = tag_of("ping", checked=True)
    user.client._meter.message((ABSENT, now_ns - 3 * S, now_ns, ABSENT, ABSENT, 4, 4, tag), reply)
    (event,) = heard
    assert (event["name"], event["response"], event["url"]) == ("ping", reply, "tcp://127.0.0.1:9")
    assert (event["context"], event["exception"], event["response_length"]) == ({"user": "ann"}, None, 4)
    assert abs(time.time() - 3 - event["start_time"]) < 1


def test_only_a_user_that_greets_has_something_to_do_on_connect() -> None:
    class Greets(TcpUser):
        host = "tcp://127.0.0.1:9"

        def on_connect(self) -> None:
            """Something."""

    class Matches(TcpUser):
        host, framing, match = "tcp://127.0.0.1:9", "line", by_id(lambda payload: payload[:4])

    environment = environment_with_runner()
    greets, matches = Greets(environment), Matches(environment)
    assert greets.client.on_connect == greets.on_connect
    assert matches.client.on_connect is None
    assert isinstance(matches.client, UserIdClient)
