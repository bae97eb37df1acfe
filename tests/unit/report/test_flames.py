"""Flame graphs on the page, and beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.errors import ResultsError
from lockstep.report.material import Material
from lockstep.report.sections.flames import flames_section
from lockstep.report.write import write_report
from lockstep.runs.folder import RunFolder
from lockstep.runs.profiles import Profile, Stack
from tests.factories.folders import write_run
from tests.factories.runs import make_cell, run_of

WAITING = Stack(("run (s.py:1)",), 30, "<b>lock</b>.acquire()")
WORKING = Stack(("run (s.py:1)", "work (s.py:9)"), 10, "total += 1")


def folder_of(tmp_path: Path, *profiles: Profile) -> RunFolder:
    folder = RunFolder(write_run(tmp_path, run_of([make_cell("lock", 8, messages_per_s=100.0)])))
    for number, profile in enumerate(profiles, start=1):
        folder.save_profile(number, profile)
    return folder


def test_a_run_without_profiles_has_no_flame_graph(tmp_path: Path) -> None:
    material = Material.of(RunFolder.load(folder_of(tmp_path).path))
    assert flames_section(material) is None


def test_profiles_are_read_back_as_they_were_saved_in_their_order(tmp_path: Path) -> None:
    saved = [Profile(f"m{number}", 8, "py-spy", 1.5, None, [WAITING]) for number in range(11)]
    assert RunFolder.load(folder_of(tmp_path, *saved).path).profiles == saved


def test_numbers_say_what_threads_did_and_what_the_profiler_cost(tmp_path: Path) -> None:
    profile = Profile("lock", 8, "py-spy", 2.0, 90.0, [WAITING, WORKING])
    section = flames_section(Material.of(RunFolder.load(folder_of(tmp_path, profile).path)))
    assert section is not None
    assert section.numbers is not None
    row = dict(zip(section.numbers.heads, section.numbers.rows[0], strict=True))
    assert (row["waiting for another thread"], row["waiting for a peer"], row["at work"]) == (
        "75%",
        "0%",
        "25%",
    )
    assert (row["samples"], row["against its other cells"]) == ("40", "-10%")
    assert section.title.startswith("Who holds it: lock's threads spend 75% of their time at <b>lock")


def test_each_lies_beside_the_page_and_what_a_service_is_made_of_stays_text(tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    profile = Profile("lock", 8, "py-spy", 2.0, 90.0, [WAITING, WORKING])
    folder = folder_of(tmp_path, profile)
    page = write_report(Material.of(RunFolder.load(folder.path))).read_text(encoding="utf-8")
    alone = (folder.path / "flames-1.svg").read_text(encoding="utf-8")
    assert 'href="flames-1.svg"' in page
    for text in (page, alone):
        assert "<b>lock" not in text
        assert "&lt;b&gt;lock" in text


@pytest.mark.parametrize(
    ("stacks", "told"),
    [
        ([Stack((), 3)], "a stack has 0 frames and was seen 3 times"),
        ([Stack(("f",), 0)], "a stack has 1 frames and was seen 0 times"),
        ([Stack(("f",) * 101, 1)], "a stack has 101 frames"),
        ([Stack(("f",), 1)] * 501, "no run leaves so many stacks"),
    ],
)
def test_a_profile_that_no_run_leaves_is_damage(tmp_path: Path, stacks: list[Stack], told: str) -> None:
    folder = folder_of(tmp_path, Profile("lock", 8, "py-spy", 2.0, 90.0, stacks))
    with pytest.raises(ResultsError, match=rf"profiles/1\.json is damaged: {told}"):
        RunFolder.load(folder.path)
