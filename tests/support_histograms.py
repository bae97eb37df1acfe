"""Histograms for a simulated run: as many values as a cell has messages, spread around its response time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lockstep.record.histograms import encoded, new_histogram, record_all
from lockstep.runs.folder import RunFolder
from lockstep.runs.records import Run


def write_histograms(folder: Path, run: Run, seed: int = 1) -> None:
    """Give every cell of a written run its histograms of response and round trip."""
    rng = np.random.default_rng(seed)
    details = RunFolder.load(folder).details
    for cell in run.cells:
        assert cell.response_us is not None
        spread = rng.lognormal(0, 0.5, cell.messages.answered)
        histograms = {}
        for phase, part in (("response", 1.0), ("round_trip", 0.9)):
            histogram = new_histogram()
            record_all(histogram, (spread * part * cell.response_us.p50 * 1_000).astype(np.int64))
            histograms[phase] = encoded(histogram)
        RunFolder(folder).save_cell(replace(details[cell.index], histograms=histograms))
