"""Colour: one hue a mode, everywhere; shades of it for what a connection is doing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Okabe and Ito's set, told apart by colour-blind readers and legible on white and on near-black.
_BY_KIND = {
    "free": "#2b83c6",
    "lock": "#d55e00",
    "semaphore": "#009e73",
    "queue": "#cc79a7",
    "iterative": "#e69f00",
    "ticket": "#56b4e9",
    "lock/message": "#a5673f",
    "rlock": "#e0577b",
    "condition": "#6b8e23",
    "rwlock": "#8a5a83",
    "asyncio": "#2f8f8f",
    "process": "#5b6abf",
}
_SPARE = ("#8c7ae6", "#b8a100", "#7f8c8d", "#c0504d", "#4f9d9d")
# What a reader is to see as paper and ink: pictures stand on the one, in the other.
PAPER, PAPER_INK = "#ffffff", "#1d2329"
# Time that belongs to no mode (the network, the kernel) is grey, readable on either ground.
NEUTRAL = "#8f98a3"
WAITING_OPACITY = 0.30


def mode_colours(modes: Iterable[str]) -> dict[str, str]:
    """Mode -> colour, as the series of a plan, which are its modes, have them."""
    return choose((mode, mode) for mode in modes)


def choose(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Pairs of a name and its mode -> colours by name.

    A kind of mode keeps its colour in every run; its second name takes a spare one.
    """
    chosen: dict[str, str] = {}
    spare = 0
    for name, mode in named:
        if name in chosen:
            continue
        colour = _BY_KIND.get(_kind(mode))
        if colour is None or colour in chosen.values():
            colour = _SPARE[spare % len(_SPARE)]
            spare += 1
        chosen[name] = colour
    return chosen


def _kind(mode: str) -> str:
    """`semaphore=4` -> `semaphore`; `lock/message` is a kind of its own."""
    return mode.split("=")[0] if "=" in mode else mode


def striped(colours: Sequence[str]) -> str:
    """Colours side by side, as CSS has them."""
    share = 100 / len(colours)
    stops = (
        f"{colour} {number * share:g}% {(number + 1) * share:g}%" for number, colour in enumerate(colours)
    )
    return f"linear-gradient(90deg, {', '.join(stops)})"
