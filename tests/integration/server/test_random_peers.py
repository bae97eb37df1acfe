"""Peers that do what comes into their heads, all at once, in every mode: the server's books are theirs.

Each peer keeps an account of its own of every connection; the server is asked afterwards what it thinks.
"""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from lockstep_wire import address_text
from tests.support.clients import LENGTH, PATIENCE_S, closed_by_server, connect, reset, wait_until
from tests.support.server import ServerProcess

PEERS = 8
CONNECTIONS = 6
LIMIT = 4_096
FLAGS = ("--framing", "length", "--reply", "echo", "--max-frame", str(LIMIT), "--backlog", "64")

# A mode, and whether who comes first is served first, by the server's own records.
MODES = {
    "free": False,
    "lock": False,
    "rlock": False,
    "semaphore=2": False,
    "condition=1": False,
    "condition=3": False,
    "ticket": False,
    "queue=1": True,
    "queue=3": False,
    "iterative": True,
    "asyncio": True,
    "process=1": True,
    "process=3": False,
    "lock/message": False,
    "rlock/message": False,
    "semaphore=2/message": False,
    "condition=2/message": False,
    "ticket/message": False,
    "rwlock=1/message": False,
    "rwlock=3/message": False,
}


@dataclass
class Account:
    """What a peer knows of a connection of its own. The server books it so, or it errs."""

    peer: str
    messages: int = 0
    received: int = 0
    sent: int = 0
    cause: str = "peer"

    def booked(self, record: dict[str, Any]) -> bool:
        """Whether that is what the server has."""
        seen = (record["messages"], record["bytes_received"], record["bytes_sent"], record["cause"])
        return seen == (self.messages, self.received, self.sent, self.cause)


def converse(link: socket.socket, chance: random.Random) -> Account:
    """Some messages, one after another or several at once; then one of the ways to leave."""
    account = Account(address_text(*link.getsockname()))
    for _ in range(chance.randrange(4)):
        payloads = [chance.randbytes(chance.randrange(LIMIT)) for _ in range(chance.randint(1, 3))]
        batch = b"".join(map(LENGTH.encode, payloads))
        link.sendall(batch)
        account.messages += len(payloads)
        account.received += len(batch)
        account.sent += len(batch)
        left = len(batch)
        while left:
            data = link.recv(left)
            assert data, "the server left in the middle of its answer"
            left -= len(data)
    ways = ["peer", "reset", "short", "too_long"]
    leave(link, account, chance.choice(ways) if account.messages else "peer")
    return account


def leave(link: socket.socket, account: Account, cause: str) -> None:
    account.cause = cause
    if cause == "reset":
        reset(link)
    elif cause != "peer":
        piece = (LIMIT + 1).to_bytes(4, "big") if cause == "too_long" else LENGTH.encode(b"half")[:6]
        link.sendall(piece)
        account.received += len(piece)
        if cause == "short":
            link.shutdown(socket.SHUT_WR)
        closed_by_server(link)


def crowd_accounts(port: int, seed: int) -> list[Account]:
    """All peers at once, a thread each."""
    accounts, together = list[Account](), threading.Barrier(PEERS)

    def come_and_go(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        together.wait(PATIENCE_S)
        for _ in range(CONNECTIONS):
            with connect(port) as link:
                accounts.append(converse(link, chance))

    threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(PEERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    return accounts


def most_at_once(stays: Iterable[tuple[int, int]]) -> int:
    """Of intervals; who leaves does so before whoever comes at the same moment."""
    changes = sorted((at_ns, change) for stay in stays for at_ns, change in zip(stay, (1, -1), strict=True))
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


@pytest.mark.parametrize("name", MODES)
def test_the_servers_books_are_those_of_its_peers_whatever_they_do(name: str) -> None:
    with ServerProcess(name, flags=FLAGS) as server:
        accounts = crowd_accounts(server.ports[name], seed=7)
        assert len(accounts) == PEERS * CONNECTIONS
        wait_until(lambda: server.listeners()[name]["closed"] == len(accounts))
        wait_until(lambda: server.listeners()[name]["in_service"] == 0)
        seen = server.listeners()[name]
        records = server.connections(name)["connections"]
        assert "Traceback" not in server.stderr
    by_peer = {record["peer"]: record for record in records}
    wrong = [(it, by_peer.get(it.peer)) for it in accounts if not it.booked(by_peer[it.peer])]
    assert not wrong
    assert (seen["accepted"], seen["open"], seen["waiting"]) == (len(accounts), 0, 0)
    assert {cause: count for cause, count in seen["causes"].items() if count} == Counter(
        account.cause for account in accounts
    )
    messages = sum(account.messages for account in accounts)
    assert (seen["received"], seen["answered"]) == (messages, messages)
    assert seen["bytes_received"] == sum(account.received for account in accounts)
    assert seen["bytes_sent"] == sum(account.sent for account in accounts)
    check_service(seen, records, messages)
    if MODES[name]:
        by_arrival = sorted(records, key=lambda it: it["arrival_ns"])
        assert by_arrival == sorted(records, key=lambda it: it["admission_ns"])


def check_service(seen: dict[str, Any], records: list[dict[str, Any]], messages: int) -> None:
    """Never more in service than the permits allow, by count and by record; and time adds up."""
    assert seen["in_service_ns"] == seen["held_ns"] == sum(record["hold_ns"] for record in records)
    by_message = seen["scope"] == "message"
    assert seen["released"] == (messages if by_message else len(records))
    recorded = most_at_once((it["admission_ns"], it["release_ns"]) for it in records)
    assert 1 <= seen["max_in_service"] <= (recorded if seen["permits"] is None else seen["permits"])
    if seen["permits"] is not None and not by_message:
        assert recorded <= seen["permits"]
