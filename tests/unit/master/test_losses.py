"""What is said of workers that were lost."""

from __future__ import annotations

from lockstep.master.losses import Loss, in_words


def test_who_has_ended_alike_is_one_sentence_with_the_file_whose_code_it_carried() -> None:
    losses = [Loss("worker 1", "exit code 7"), Loss("worker 2", None), Loss("worker 3", "exit code 7")]
    assert in_words(losses, "shop.py") == (
        "worker 1, worker 3 have ended (exit code 7): look for what in shop.py ends its process, or whether "
        "memory ran out; worker 2 has not answered for 3 s: what a task of shop.py does blocks it; let it "
        "compute in short parts, and wait by calls that gevent knows"
    )


def test_without_a_file_of_the_users_the_machine_is_what_to_look_at() -> None:
    assert in_words([Loss("worker 1", "signal SIGKILL")], None) == (
        "worker 1 has ended (signal SIGKILL): look for whether memory ran out"
    )
    assert "the way to it, is overloaded" in in_words([Loss("worker 1", None)], None)


def test_of_nobody_nothing_is_said() -> None:
    assert in_words([], "shop.py") == ""
