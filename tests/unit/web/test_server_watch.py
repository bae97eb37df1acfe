"""The server's counts on the page: fresh, or unknown."""

from __future__ import annotations

import pytest

from lockstep.target.admin import Listener, ServerView
from lockstep.web.server_watch import ServerNow, ServerWatch, mean_in_service
from tests.factories.units import S
from tests.support.admin_port import admin_port, listener, listeners
from tests.support.peers import refusing_port


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now_ns = 100 * S

    def __call__(self) -> int:
        return self.now_ns


def counted(at_ns: int, in_service_ns: int, name: str = "lock") -> dict[str, Listener]:
    row = listener(name, 1, at_ns=at_ns, in_service_ns=in_service_ns)
    return {name: Listener(**{field: row[field] for field in Listener.__dataclass_fields__})}


def test_it_is_asked_once_a_second_however_many_look() -> None:
    clock = Clock()
    watch = ServerWatch(clock)
    with admin_port({"/listeners": [listeners(listener("lock", 1, open=count)) for count in (3, 4)]}) as port:
        server = ServerView(port.address)
        seen = [watch.look(server) for _ in range(3)]
        clock.now_ns += S
        seen.append(watch.look(server))
    assert [now.listeners["lock"].open for now in seen if now.listeners] == [3, 3, 3, 4]
    assert port.asked == ["GET /listeners"] * 2


def test_nobody_is_asked_while_nobody_looks() -> None:
    with admin_port({"/listeners": [listeners()]}) as port:
        ServerWatch()
        assert port.asked == []


def test_a_server_that_stops_answering_is_unknown_at_once_and_its_old_counts_are_gone() -> None:
    clock = Clock()
    watch = ServerWatch(clock)
    with admin_port({"/listeners": [listeners(listener("lock", 1, open=3))]}) as port:
        server = ServerView(port.address)
        assert watch.look(server).listeners is not None
    clock.now_ns += S
    assert watch.look(server) == ServerNow(admin=True, listeners=None)


def test_what_is_no_lockstep_server_is_unknown_too() -> None:
    with admin_port({"/listeners": [b"hello"]}) as port:
        assert ServerWatch().look(ServerView(port.address)).listeners is None


def test_a_target_without_admin_port_is_not_asked_at_all() -> None:
    assert ServerWatch().look(None) == ServerNow(admin=False)


def test_another_server_is_asked_at_once_and_the_first_ones_counts_are_gone() -> None:
    watch = ServerWatch(Clock())
    with admin_port({"/listeners": [listeners(listener("lock", 1))]}) as port:
        watch.look(ServerView(port.address))
        with refusing_port() as nobodys:
            assert watch.look(ServerView(f"127.0.0.1:{nobodys}")).listeners is None


def test_the_number_in_service_is_averaged_between_two_askings() -> None:
    clock = Clock()
    watch = ServerWatch(clock)
    rows = [listener("lock", 1, at_ns=at_s * S, in_service_ns=held) for at_s, held in ((1, 0), (3, 5 * S))]
    with admin_port({"/listeners": [listeners(row) for row in rows]}) as port:
        server = ServerView(port.address)
        assert watch.look(server).in_service == ()
        clock.now_ns += S
        assert watch.look(server).in_service == ((101 * S, 2.5),)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, counted(2, 2)),
        (counted(1, 1), None),
        (counted(5, 1), counted(2, 2)),
        (counted(1, 9), counted(2, 2)),
        (counted(1, 1), counted(2, 2, "free")),
    ],
    ids=["the first time", "no answer", "another clock", "a new count", "other modes"],
)
def test_there_is_no_average_where_the_two_answers_are_not_of_one_server(
    before: dict[str, Listener] | None, after: dict[str, Listener] | None
) -> None:
    assert mean_in_service(before, after) is None
