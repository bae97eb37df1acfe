"""A server of our own that does not start: told in one line, within a bound."""

from __future__ import annotations

import errno
import sys
import tempfile
from typing import NoReturn

import pytest

from lockstep import children
from lockstep.errors import HarnessError, PlanError
from lockstep.target.local_server import local_server

NEVER_READY = [sys.executable, "-c", "import time; time.sleep(60)"]
NO_WORD = [sys.executable, "-c", ""]
A_WORD = [sys.executable, "-c", "raise SystemExit('lockstep-server: --bind nowhere is not an address')"]


def start_instead(monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    monkeypatch.setattr(children, "command_of", lambda *_: command)


@pytest.mark.parametrize(
    ("command", "ready_s", "words"),
    [
        (NEVER_READY, 0.05, "the server did not get ready within 0.05 s: .*name it with --host and --admin"),
        (NO_WORD, 60.0, "the server ended without a word"),
        (A_WORD, 60.0, "--bind nowhere is not an address"),
    ],
    ids=["it says nothing", "it ends", "it refuses"],
)
def test_a_server_that_does_not_start_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, command: list[str], ready_s: float, words: str
) -> None:
    start_instead(monkeypatch, command)
    with (
        pytest.raises(HarnessError, match=words) as refusal,
        local_server(["free"], (), ready_s=ready_s),
    ):
        pass
    assert "\n" not in str(refusal.value)


def test_where_nothing_can_be_written_the_variable_that_helps_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere(*_: object, **__: object) -> NoReturn:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "TemporaryFile", nowhere)
    with pytest.raises(HarnessError, match=r"No usable temporary.*set TMPDIR"), local_server(["free"], ()):
        pass


def test_a_server_that_starts_is_asked_for_no_more_and_ended() -> None:
    with local_server(["free"], ()) as ready:
        assert ready["listeners"][0]["mode"] == "free"


def test_a_mode_that_it_does_not_know_is_the_user_s_to_mend() -> None:
    with pytest.raises(PlanError, match="frei has the unknown mode"), local_server(["frei"], (), "mode"):
        pass
