"""Where a name leads: all of its addresses, asked for again, and once at a time."""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from collections.abc import Callable

import pytest

from lockstep.errors import HarnessError
from lockstep.tcp import addresses
from lockstep.tcp.addresses import LIFETIME_NS, Address, AddressBook, ask_system, has_family_of
from lockstep.tcp.endpoint import Endpoint


def v4(ip: str, port: int = 80) -> Address:
    return Address(socket.AF_INET, (ip, port))


V6 = Address(socket.AF_INET6, ("::1", 80, 0, 0))
OLD, NEW = v4("192.0.2.1"), v4("192.0.2.2")
UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


class Resolver:
    """Answers each question with the next of its answers, the last one for ever; errors are raised."""

    def __init__(self, *answers: list[Address] | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append((host, port))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Desk:
    """A book with a resolver, a clock set by hand, and what runs beside the load when the test says so."""

    def __init__(self, *answers: list[Address] | Exception) -> None:
        self.resolver = Resolver(*answers)
        self.now_ns = 0
        self.beside: list[Callable[[], None]] = []
        self.book = AddressBook(self.resolver, lambda: self.now_ns, self.beside.append)

    def run_beside(self) -> None:
        while self.beside:
            self.beside.pop(0)()


def test_all_addresses_are_found_in_the_systems_order() -> None:
    desk = Desk([V6, OLD, NEW])
    assert desk.book.find(Endpoint("name", 80)) == (V6, OLD, NEW)
    assert desk.resolver.asked == [("name", 80)]


def test_a_name_is_asked_for_once_while_it_is_fresh() -> None:
    desk = Desk([OLD], [NEW])
    assert {desk.book.find(Endpoint("name", 80)) for _ in range(3)} == {(OLD,)}
    desk.now_ns = LIFETIME_NS - 1
    assert desk.book.find(Endpoint("name", 80)) == (OLD,)
    assert (len(desk.resolver.asked), desk.beside) == (1, [])


def test_a_name_that_moved_is_followed_and_nobody_waits_for_the_answer() -> None:
    desk = Desk([OLD], [NEW])
    desk.book.find(Endpoint("name", 80))
    desk.now_ns = LIFETIME_NS
    # Asked beside the load, and once, however many come meanwhile.
    assert [desk.book.find(Endpoint("name", 80)) for _ in range(3)] == [(OLD,)] * 3
    assert len(desk.beside) == 1
    desk.run_beside()
    assert desk.book.find(Endpoint("name", 80)) == (NEW,)
    assert len(desk.resolver.asked) == 2


def test_it_is_asked_for_again_and_again() -> None:
    desk = Desk([OLD], [NEW], [OLD], [NEW])
    for age in range(6):
        desk.now_ns = age * LIFETIME_NS
        desk.book.find(Endpoint("name", 80))
        desk.run_beside()
    assert len(desk.resolver.asked) == 6


def test_a_later_question_that_fails_keeps_the_last_addresses_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk([OLD], UNKNOWN, [NEW])
    desk.book.find(Endpoint("name", 80))
    desk.now_ns = LIFETIME_NS
    desk.book.find(Endpoint("name", 80))
    with caplog.at_level(logging.WARNING):
        desk.run_beside()
    assert desk.book.find(Endpoint("name", 80)) == (OLD,)
    assert "cannot find host 'name'" in caplog.text
    assert "192.0.2.1:80" in caplog.text
    desk.now_ns = 2 * LIFETIME_NS
    desk.book.find(Endpoint("name", 80))
    desk.run_beside()
    assert desk.book.find(Endpoint("name", 80)) == (NEW,)


@pytest.mark.parametrize(
    "failure", [UNKNOWN, UnicodeError("label empty or too long"), ValueError("embedded null byte"), OSError()]
)
def test_an_unknown_name_is_refused_with_the_remedy_and_asked_for_later_again(failure: Exception) -> None:
    desk = Desk(failure, [OLD])
    for _ in range(3):
        with pytest.raises(HarnessError, match=r"cannot find host 'name' .*: check the name"):
            desk.book.find(Endpoint("name", 80))
    assert len(desk.resolver.asked) == 1
    desk.now_ns = LIFETIME_NS
    assert desk.book.find(Endpoint("name", 80)) == (OLD,)


def test_a_system_that_knows_the_name_but_no_address_is_the_same_as_an_unknown_one() -> None:
    with pytest.raises(HarnessError, match="cannot find host"):
        Desk([]).book.find(Endpoint("name", 80))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%eth0"])
def test_a_numeric_address_is_never_asked_for_again(host: str) -> None:
    desk = Desk([OLD])
    for age in range(3):
        desk.now_ns = age * LIFETIME_NS
        desk.book.find(Endpoint(host, 80))
    assert (len(desk.resolver.asked), desk.beside) == (1, [])


def test_each_port_of_a_name_is_a_question_of_its_own() -> None:
    desk = Desk([OLD])
    desk.book.find(Endpoint("name", 80))
    desk.book.find(Endpoint("name", 81))
    assert desk.resolver.asked == [("name", 80), ("name", 81)]


def test_users_who_come_together_wait_for_one_answer() -> None:
    asked, may_answer = threading.Event(), threading.Event()
    questions = []

    def slow(host: str, port: int) -> list[Address]:
        questions.append(host)
        asked.set()
        assert may_answer.wait(20)
        return [OLD]

    book = AddressBook(slow, lambda: 0)
    found: list[tuple[Address, ...]] = []
    users = [
        threading.Thread(target=lambda: found.append(book.find(Endpoint("name", 80))), daemon=True)
        for _ in range(8)
    ]
    for user in users:
        user.start()
    assert asked.wait(20)
    may_answer.set()
    for user in users:
        user.join(20)
    assert (found, questions) == ([(OLD,)] * 8, ["name"])


def test_a_thread_that_cannot_be_had_blocks_no_later_question() -> None:
    desk = Desk([OLD], [NEW])
    broken = [True]

    def beside(work: Callable[[], None]) -> None:
        if broken.pop(0):
            raise RuntimeError("can't start new thread")
        work()

    book = AddressBook(desk.resolver, lambda: desk.now_ns, beside)
    book.find(Endpoint("name", 80))
    desk.now_ns = LIFETIME_NS
    broken.append(False)
    with pytest.raises(RuntimeError):
        book.find(Endpoint("name", 80))
    book.find(Endpoint("name", 80))
    assert book.find(Endpoint("name", 80)) == (NEW,)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets every name have these addresses, on a machine with these families."""

    def be(there: list[Address], *families: socket.AddressFamily) -> None:
        rows = [(each.family, socket.SOCK_STREAM, 6, "", each.sockaddr) for each in there]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
        monkeypatch.setattr(addresses, "has_family_of", lambda address: address.family in families)

    return be


def test_the_system_is_asked_for_every_address_and_tells_each_once(system: Callable[..., None]) -> None:
    system([V6, OLD, OLD], socket.AF_INET, socket.AF_INET6)
    assert ask_system("name", 80) == [V6, OLD]


def test_an_address_of_a_family_that_this_machine_has_not_is_left_out(system: Callable[..., None]) -> None:
    system([V6, OLD], socket.AF_INET)
    assert ask_system("localhost", 80) == [OLD]


@pytest.mark.parametrize(
    ("there", "family", "lacking", "other"),
    [(V6, socket.AF_INET, "IPv6", "IPv4"), (OLD, socket.AF_INET6, "IPv4", "IPv6")],
)
def test_who_has_only_such_addresses_is_told_what_this_machine_lacks(
    system: Callable[..., None], there: Address, family: socket.AddressFamily, lacking: str, other: str
) -> None:
    system([there], family)
    with pytest.raises(HarnessError) as refusal:
        AddressBook().find(Endpoint("name", 80))
    assert str(refusal.value) == (
        f"cannot connect to {there.text}: this machine has no {lacking}; give an {other} address, or switch "
        f"{lacking} on"
    )


@pytest.mark.parametrize(
    ("code", "has"),
    [
        (errno.EADDRNOTAVAIL, False),
        (errno.EAFNOSUPPORT, False),
        # What may pass, or is the network's doing: connecting meets it again, and tells it.
        (errno.ENETUNREACH, True),
        (errno.EMFILE, True),
    ],
)
def test_a_family_is_lacking_where_the_system_has_no_address_to_come_from(
    monkeypatch: pytest.MonkeyPatch, code: int, has: bool
) -> None:
    def broken(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(socket, "socket", broken)
    assert has_family_of(V6) is has


def test_this_machine_has_an_address_to_reach_itself_from() -> None:
    assert has_family_of(v4("127.0.0.1"))
