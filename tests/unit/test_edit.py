"""What a run under way lets the page change: the number of users of a manual run, and nothing else."""

from __future__ import annotations

from argparse import Namespace

import pytest

from lockstep.errors import PlanError
from lockstep.options import check_edit

NOW = Namespace(run="manual run", mode="lock", messages=5)
HOST = "tcp://server"


@pytest.mark.parametrize("host", [None, HOST])
def test_a_run_by_hand_may_have_another_number_of_users(host: str | None) -> None:
    check_edit("hand", NOW, Namespace(**vars(NOW)), HOST, host)


def test_a_run_without_a_host_has_none_in_its_form_either() -> None:
    check_edit("hand", NOW, Namespace(**vars(NOW)), None, "")


@pytest.mark.parametrize(
    ("changed", "host", "what", "words"),
    [
        ({"mode": "free"}, HOST, "mode", "stays 'lock' as long as this run goes on"),
        ({"messages": 6}, None, "messages", "stays 5 .* new one with 6"),
        ({"run": "comparison plan"}, HOST, "run", "stays 'manual run'"),
        ({}, "tcp://other", "host", "stays 'tcp://server' .* new one with 'tcp://other'"),
        ({}, "http://x", "host", "stays 'tcp://server'"),
    ],
)
def test_anything_else_is_refused_by_its_name(
    changed: dict[str, object], host: str | None, what: str, words: str
) -> None:
    with pytest.raises(PlanError, match=words) as refusal:
        check_edit("hand", NOW, Namespace(**{**vars(NOW), **changed}), HOST, host)
    assert refusal.value.what == what


def test_in_a_plan_nothing_can_be_changed_the_users_neither() -> None:
    with pytest.raises(PlanError, match="sets the users itself: let it end, or press Stop first"):
        check_edit("plan", NOW, Namespace(**vars(NOW)), HOST, None)
