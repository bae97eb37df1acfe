"""Who has come to a rendezvous, of which worker."""

from __future__ import annotations

from lockstep.control import Met
from lockstep.master.rendezvous import Rendezvous


def met(worker: str, waiting: int, users: int = 4, number: int = 0) -> Met:
    return Met("run", 0, worker, number, waiting, users, 5.0)


def test_all_begin_once_all_users_of_all_workers_are_there() -> None:
    rendezvous = Rendezvous(["a", "b"])
    assert rendezvous.note(met("a", 1))
    assert not rendezvous.note(met("a", 4))
    assert not rendezvous.complete
    assert not rendezvous.note(met("b", 4))
    assert rendezvous.complete


def test_the_time_limit_runs_from_the_first_of_each_round() -> None:
    rendezvous = Rendezvous(["a", "b"])
    assert [rendezvous.note(met(worker, 1)) for worker in ("a", "b")] == [True, False]
    assert rendezvous.next_round() == 0
    assert rendezvous.note(met("b", 1, number=1))
    assert not rendezvous.complete


def test_what_is_said_of_a_round_that_is_over_counts_for_none() -> None:
    rendezvous = Rendezvous(["a"])
    rendezvous.note(met("a", 4))
    rendezvous.next_round()
    assert not rendezvous.note(met("a", 4))
    assert not rendezvous.complete


def test_nobody_begins_where_nobody_has_come() -> None:
    assert not Rendezvous([]).complete
