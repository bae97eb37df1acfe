"""The report as one HTML page that needs no network and no script."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loadtest.analysis.aggregate import aggregate
from loadtest.analysis.checks import ALL_CHECKS, degradations, findings
from loadtest.analysis.scalability import scalings
from loadtest.analysis.series import modes_of
from loadtest.report.fairness_rows import fairness_rows
from loadtest.report.figures import draw_charts, draw_timeline
from loadtest.report.generator_rows import load_rows, worker_rows
from loadtest.report.numbers import ABSENT, counted, duration, rate, whole
from loadtest.report.palette import colours
from loadtest.report.rows import table_rows
from loadtest.report.scalability_rows import scalability_rows
from loadtest.report.story import handoff_sentence, headline
from loadtest.report.theory_rows import law_rows, wait_rows
from loadtest.report.why_words import fairness_sentence, scalability_sentence
from loadtest.results import Cell, Run
from loadtest.run_folder import Loaded

# In a host's line: its role leads, and its boot_id only tells programs which clocks compare.
_HOST_HIDDEN = ("role", "boot_id")

_pages = Environment(
    loader=PackageLoader("loadtest.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def render(loaded: Loaded) -> str:
    """The whole page."""
    run = loaded.run
    modes = modes_of(run)
    aggregates = aggregate(run.cells, modes)
    found = findings(run)
    scaled = scalings(run.cells, modes)
    return _pages.get_template("page.html").render(
        run=run,
        headline=headline(aggregates),
        handoffs=handoff_sentence(aggregates),
        degradations=degradations(found),
        subtitle=_subtitle(run),
        colours=colours(aggregates),
        timeline=draw_timeline(loaded, aggregates),
        charts=draw_charts(loaded, aggregates, scaled),
        rows=table_rows(aggregates),
        fairness=fairness_rows(run.cells, modes),
        fairness_said=fairness_sentence(run.cells, modes),
        scalability=scalability_rows(scaled),
        scalability_said=scalability_sentence(scaled),
        waits=wait_rows(run.cells, modes),
        laws=law_rows(run.cells, modes),
        loads=load_rows(aggregates),
        workers=worker_rows(run.cells),
        findings=found,
        checks=[check.name for check in ALL_CHECKS],
        conditions=_conditions(run),
        cells=[_cell_row(cell) for cell in run.cells],
        svg=Markup,
    )


def _subtitle(run: Run) -> str:
    modes = len({cell.mode for cell in run.cells})
    levels = len({cell.level for cell in run.cells})
    kind = "A plan" if run.kind == "plan" else "A run by hand"
    what = f"{counted(len(run.cells), 'cell')}, {counted(modes, 'mode')}, {counted(levels, 'level')}"
    return f"{kind} of {what} · {run.started.replace('T', ' ').replace('+00:00', ' UTC')}"


def _conditions(run: Run) -> list[tuple[str, str]]:
    """Under what circumstances this was measured, as pairs of a name and words."""
    server = run.server
    pairs = [("run", run.run_id), ("started", run.started), ("finished", run.finished or "not finished")]
    pairs.append(("command", run.command or ABSENT))
    pairs += [(f"plan: {name}", _plain(value)) for name, value in run.plan.items()]
    pairs += [
        (f"server: {name.removesuffix('_ns')}", _setting(name, value)) for name, value in server.items()
    ]
    for host in run.hosts:
        said = ", ".join(
            f"{name} {_plain(value)}" for name, value in host.items() if name not in _HOST_HIDDEN
        )
        pairs.append((str(host.get("role", "host")), said))
    return pairs


def _setting(name: str, value: Any) -> str:
    if name.endswith("_ns") and isinstance(value, int):
        return duration(value / 1000) if value else "0"
    return _plain(value)


def _plain(value: Any) -> str:
    """A value of run.json in words."""
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ABSENT if value is None else str(value)


def _cell_row(cell: Cell) -> list[str]:
    """One cell of the raw table."""
    first, response, wait, server = cell.first_reply_us, cell.response_us, cell.wait_us, cell.server
    handoff = None if server is None or server.handoff_us is None else server.handoff_us.p50
    return [
        str(cell.index),
        cell.mode + (" (cut short)" if cell.cut_short else ""),
        str(cell.level),
        str(cell.repeat),
        rate(cell.messages_per_s),
        rate(cell.sessions_per_s),
        duration(None if first is None else first.p50),
        duration(None if response is None else response.p50),
        duration(None if response is None else response.p99),
        duration(None if response is None else response.max),
        duration(None if wait is None else wait.mean),
        duration(handoff),
        whole(None if server is None else server.max_in_service),
        whole(cell.messages.sent),
        whole(cell.messages.sent - cell.messages.answered),
        whole(cell.ledger.difference),
    ]
