"""Changes over runs in words: what changed, by how much, and from which run on."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from lockstep.analysis.changes import ChangePoint
from lockstep.report.verdict_words import estimate_words, metric_noun
from lockstep.report.words import counted, load_words


def change_sentence(change: ChangePoint) -> str:
    """`worse: lock at 8 connections, throughput 0.502 (95% CI 0.49 to 0.51) times what it was, from ...`."""
    place, runs = change.place, f"{counted(change.before, 'run')} before, {change.after} since"
    load = load_words(place.level, place.series.rate_per_s)
    what = f"{place.series.name_beside_load} at {load}, {metric_noun(change.metric)}"
    word = "worse" if change.worse else "better"
    times = f"{estimate_words(change.ratio)} times what it was"
    return f"{word}: {what} {times}, from {change.entry.folder} on ({runs})"


def print_changes(changes: Sequence[ChangePoint], console: Console) -> None:
    """A line for each, the oldest first."""
    if not changes:
        console.print("No change is shown: a figure's runs on both sides of it have to differ beyond chance.")
    for each in changes:
        style = "red" if each.worse and each.last else ""
        console.print(Text(change_sentence(each), style=style), soft_wrap=True)
