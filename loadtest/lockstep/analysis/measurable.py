"""Whether a figure can be measured of a mode at all, by what is known of it before any load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lockstep.analysis.metrics import METRICS, Metric
from lockstep.runs.measures import STATISTICS
from lockstep.runs.records import CLIENT_TIMES, SERVER_TIMES, Mode


@dataclass(frozen=True, slots=True)
class Known:
    """A mode as it is known beforehand. server: whether a Lockstep server tells of it.

    tls: whether its connections may be TLS. own_steps: whether a user's own file says what is done.
    """

    mode: Mode
    server: bool
    tls: bool
    own_steps: bool


_ORDER = ("inversions", "overtaken_share", "jain", "longest_wait")
_ONLY_A_SERVER_TELLS = ("wait", "service", "network", *SERVER_TIMES, "max_in_service", "max_waiting", *_ORDER)
# Figures, what has to be so for them to be measured, and what to say where it is not.
_RULES: tuple[tuple[tuple[str, ...], Callable[[Known], bool], str], ...] = (
    (_ONLY_A_SERVER_TELLS, lambda known: known.server, "no Lockstep server tells of it"),
    (
        (*SERVER_TIMES, *_ORDER),
        lambda known: not known.mode.by_message,
        "messages are admitted, in an order that nobody records",
    ),
    (("handoff",), lambda known: not known.mode.unlimited, "nothing is limited, so nobody hands on"),
    (("handshake", "resumed_share"), lambda known: known.tls, "its connections are without TLS"),
    (("send", "receive", "fan_out"), lambda known: known.own_steps, "its users have no such steps"),
)
_FIGURES = {f"{name}_{each}": name for name in (*CLIENT_TIMES, *SERVER_TIMES) for each in STATISTICS}
assert _FIGURES.keys() <= METRICS.keys()


def why_never(metric: Metric, known: Known) -> str | None:
    """Why no cell of the mode will ever have the figure; None where one may."""
    figure = _FIGURES.get(metric.name, metric.name)
    return next((why for figures, met, why in _RULES if figure in figures and not met(known)), None)
