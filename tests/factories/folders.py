"""Runs as folders, as a master would have written them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lockstep.measure.connections import Sojourns, Span, overlap_over
from lockstep.runs.connections import Connection
from lockstep.runs.folder import RunFolder
from lockstep.runs.histograms import encoded, new_histogram, record_all
from lockstep.runs.measures import Overlap
from lockstep.runs.records import Cell, CellDetail, Run
from lockstep.runs.watched import Watched
from tests.factories.units import MS


def write_run(out: Path, run: Run, connections: Sequence[Connection] = ()) -> Path:
    """Save the run as its own folder below `out`; the folder's path is returned."""
    folder = RunFolder.create(out, run.run_id)
    folder.save_run(run)
    for cell in run.cells:
        # Of a load that changes its seconds are told; of others one is enough.
        seconds = round(cell.seconds) if cell.stages else 1
        share = cell.messages.answered // seconds
        per_second = [{"second": second, "answered": share, "failed": 0} for second in range(seconds)]
        overlap, watched = overlap_of(cell, connections), stretches_of(cell)
        folder.save_cell(CellDetail(cell.index, {}, per_second, overlap, watched=watched))
    folder.add_connections(list(connections))
    return folder.path


def overlap_of(cell: Cell, connections: Sequence[Connection]) -> Overlap | None:
    """The cell's overlap, had the warm-up been a quarter of it."""
    records = [each.server for each in connections if each.cell == cell.index and each.server is not None]
    length_ns = round(cell.seconds * 1_000 * MS)
    return overlap_over(Sojourns.of(records), Span(0, length_ns // 4, length_ns))


def stretches_of(cell: Cell) -> list[Watched]:
    """Of a cell that was watched, its window in two stretches that are alike."""
    if (seen := cell.watched) is None:
        return []
    middle_ms = (seen.from_ms + seen.until_ms) / 2
    return [replace(seen, until_ms=middle_ms), replace(seen, from_ms=middle_ms)]


def write_histograms(folder: Path, run: Run, seed: int = 1) -> None:
    """Give every cell of a written run its histograms of response and round trip.

    They hold as many values as the cell has messages, spread around its response time.
    """
    rng = np.random.default_rng(seed)
    details = RunFolder.load(folder).details
    for cell in run.cells:
        spread = rng.lognormal(0, 0.5, cell.messages.answered)
        histograms = {}
        for phase, part in (("response", 1.0), ("round_trip", 0.9)):
            histogram = new_histogram()
            record_all(histogram, (spread * part * cell.times["response"].p50 * 1_000).astype(np.int64))
            histograms[phase] = encoded(histogram)
        RunFolder(folder).save_cell(replace(details[cell.index], histograms=histograms))
