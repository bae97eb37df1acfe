"""Plays a dialogue on a client: one user's side of it, iteration after iteration. Knows no Locust.

A step of which all is known before goes the client's short way, with a message made ready once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Protocol

from lockstep.dialogue.data import Deal
from lockstep.dialogue.script import Capture, Cut, Dialogue, Exactly, Matches, Prefix, Script, Size, Step
from lockstep.errors import HarnessError
from lockstep.tcp.client import TcpClient
from lockstep.tcp.messages import Message, prepare
from lockstep.tcp.replies import Expect, Judge, RawEnd, Wanted, prefix, size, until, wanted, what_is_wrong
from lockstep.tcp.samples import ABSENT, ANSWERED, NO_CONNECTION, Meter, Outcome, Phase, Reply, Sample
from lockstep.tcp.state import State
from lockstep_wire.framing import Framing

_IDLE = State.IDLE
_now_ns = time.monotonic_ns
Values = Mapping[str, bytes]


class Stage(Protocol):
    """Where it is played."""

    def may_send(self) -> bool:
        """Whether it may go on: an iteration that is under way ends at its next step where it may not."""

    def pause(self, seconds: float) -> None:
        """Rest so long, or until it may not go on."""


@dataclass(frozen=True, slots=True)
class Act:
    """A step made ready. message: where all of it is known before, and no part of the reply is kept.

    end: where a raw reply ends, None where the client has to find out.
    """

    step: Step
    message: Message | None
    expect: Callable[[Values], Expect | None]
    end: RawEnd | None


@dataclass(frozen=True, slots=True)
class Scene:
    """A way the talk may go, made ready. `only`: its message, where it is nothing but one."""

    acts: tuple[Act, ...]
    only: Message | None


class Play:
    """A dialogue made ready, for all users of a cell. deal: its data. seed: of what is drawn at random."""

    def __init__(self, dialogue: Dialogue, deal: Deal, *, timing: bool = False, seed: int = 1) -> None:
        self.dialogue = dialogue
        self.deal = deal
        self.seed = seed
        self.timing = timing
        framing = dialogue.framing
        self.on_connect = tuple(_act(step, framing, timing) for step in dialogue.on_connect)
        # After the last step comes the first one again: where that is sure.
        round_and_round = len(dialogue.scripts) == 1 and not dialogue.on_connect
        self._scenes = [_scene(script, framing, timing, round_and_round) for script in dialogue.scripts]
        self._weights = list(accumulate(script.weight for script in dialogue.scripts))

    @property
    def single(self) -> Scene | None:
        """The only way there is; None where there are several."""
        return self._scenes[0] if len(self._scenes) == 1 else None

    @property
    def only(self) -> Message | None:
        """The message that is all of every iteration, where the dialogue says nothing else."""
        plain = self.dialogue.reconnect_every is None and not self.dialogue.tables
        return self.single.only if self.single is not None and plain else None

    def choose(self, rng: random.Random) -> Scene:
        """One of the ways, by their weights."""
        return rng.choices(self._scenes, cum_weights=self._weights)[0]


class Player:
    """One user. client: its connection, in the dialogue's framing. number: of the user, from 1.

    open_load: times run from when an iteration was due.
    """

    def __init__(
        self, play: Play, client: TcpClient, meter: Meter, stage: Stage, *, number: int, open_load: bool
    ) -> None:
        self.client = client
        self._play = play
        self._meter = meter
        self._stage = stage
        self._open_load = open_load
        self._rng = random.Random(f"{play.seed}/{number}")
        self._values: dict[str, bytes] = {"user": b"%d" % number}
        self._iterations = 0
        self._on_this_connection = 0
        self._dealt = False

    def open(self) -> Outcome:
        """Connect, and say what comes first on every connection; RowsUsedUpError as Deal.next.

        Where the connection cannot be had, the message that would have come next is booked as failed so.
        """
        self._deal()
        start_ns = _now_ns()
        outcome = self.client.connect()
        if outcome is not ANSWERED:
            self._meter.failure(Sample(Phase.MESSAGE, outcome, start_ns, _now_ns(), detail=NO_CONNECTION))
            return outcome
        self._on_this_connection = 0
        return self._act_all(self._play.on_connect, ABSENT)

    def iterate(self, due_ns: int) -> bool:
        """One iteration; whether it went well. RowsUsedUpError as Deal.next."""
        client = self.client
        self._iterations += 1
        every = self._play.dialogue.reconnect_every
        if every is not None and self._on_this_connection >= every and client.state is _IDLE:
            client.close()
        if client.state is not _IDLE and self.open() is not ANSWERED:
            return False
        self._deal()
        self._dealt = False
        self._on_this_connection += 1
        scene = self._play.single or self._play.choose(self._rng)
        return self._act_all(scene.acts, due_ns if self._open_load else ABSENT) is ANSWERED

    def leave(self) -> None:
        """Close the connection."""
        self.client.close()

    def _deal(self) -> None:
        """New rows, once for an iteration: what is said on connecting has them too."""
        if not self._dealt:
            self._values.update(self._play.deal.next())
            self._values["seq"] = b"%d" % max(self._iterations, 1)
            self._values["random"] = b"%08x" % self._rng.getrandbits(32)
            self._dealt = True

    def _act_all(self, acts: Sequence[Act], due_ns: int) -> Outcome:
        stage = self._stage
        for act in acts:
            for _ in range(act.step.repeat):
                if not stage.may_send():
                    return ANSWERED
                try:
                    outcome = self._act(act, due_ns)
                except (HarnessError, ValueError) as error:
                    # Data that the framing cannot carry, or a fault of this machine's.
                    raise HarnessError(f"{self._play.dialogue.file}:{act.step.line}: {error}") from error
                due_ns = ABSENT
                if outcome is not ANSWERED:
                    return outcome
                if act.step.pause_s:
                    stage.pause(act.step.pause_s)
        return ANSWERED

    def _act(self, act: Act, due_ns: int) -> Outcome:
        if act.message is not None:
            return self.client.exchange(act.message, due_ns)
        step, values = act.step, self._values
        if step.send is None:
            reply = self.client.receive(act.expect(values), end=act.end, timeout=step.timeout_s)
        else:
            payload = step.send.fill(values)
            if not step.reply:
                return self.client.send(payload, reply=False, name=step.name)
            reply = self._ask(act, payload, due_ns)
        if reply:
            for capture in step.captures:
                values[capture.variable] = _kept(capture, reply.payload or b"")
        return reply.outcome

    def _ask(self, act: Act, payload: bytes, due_ns: int) -> Reply:
        """Send what was made just now, and take the reply. due_ns: ABSENT where nobody can say."""
        step, expect, framing = act.step, act.expect(self._values), self._play.dialogue.framing
        plain = act.end is None and step.timeout_s is None and framing.cuts
        if due_ns == ABSENT or not plain:
            return self.client.request(payload, expect, end=act.end, name=step.name, timeout=step.timeout_s)
        # Answerable from when it was due: only a message made ready says so.
        kept: list[bytes] = []
        right = wanted(expect)
        message = prepare(framing, payload, right, self._play.timing, name=step.name)
        message = replace(message, expect=_keeping(right, kept), reply=None, answer=None)
        outcome = self.client.exchange(message, due_ns)
        return Reply(outcome, kept[-1] if kept else None)


def _keeping(expect: Wanted, kept: list[bytes]) -> Judge:
    """The same, which keeps the payload that it is asked of."""

    def judge(payload: bytes) -> str | None:
        kept.append(payload)
        return what_is_wrong(payload, expect)

    return judge


def _scene(script: Script, framing: Framing, timing: bool, round_and_round: bool) -> Scene:
    made = [_act(step, framing, timing) for step in script.steps]
    before = [made[-1] if round_and_round else None, *made[:-1]]
    acts = tuple(_told_apart(act, last) for act, last in zip(made, before, strict=True))
    simple = len(acts) == 1 and acts[0].step.repeat == 1 and not acts[0].step.pause_s
    return Scene(acts, acts[0].message if simple else None)


def _act(step: Step, framing: Framing, timing: bool) -> Act:
    expect = _expect(step)
    payload = None if step.send is None else step.send.constant
    known = payload is not None and step.reply and step.until is None and step.timeout_s is None
    message = None
    if known and not step.captures and _is_constant(step):
        assert payload is not None
        message = prepare(framing, payload, wanted(expect({})), timing, name=step.name)
    return Act(step, message, expect, None if step.until is None else until(step.until))


def _told_apart(act: Act, last: Act | None) -> Act:
    """Nobody has to look for a reply too many before a message whose own reply looks otherwise."""
    if act.message is None or act.step.repeat > 1 or last is None or last.message is None:
        return act
    replies = last.message.reply, act.message.reply
    distinct = None not in replies and replies[0] != replies[1]
    return replace(act, message=replace(act.message, distinct=distinct))


def _is_constant(step: Step) -> bool:
    match step.expect:
        case Exactly(template) | Prefix(template):
            return template.constant is not None
    return True


def _expect(step: Step) -> Callable[[Values], Expect | None]:
    """What the client is to expect, given the values of variables."""
    match step.expect:
        case Exactly(template):
            constant = template.constant
            return template.fill if constant is None else lambda _: constant
        case Prefix(template):
            return lambda values: prefix(template.fill(values))
        case Matches(pattern):
            return lambda _: pattern
        case Size(count):
            right = size(count)
            return lambda _: right
    return lambda _: None


def _kept(capture: Capture, payload: bytes) -> bytes:
    how = capture.how
    if isinstance(how, Cut):
        return payload[how.offset :] if how.size is None else payload[how.offset : how.offset + how.size]
    found = how.pattern.search(payload)
    return (found[how.number] or b"") if found is not None else b""
