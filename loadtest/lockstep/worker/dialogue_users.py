"""Users of a dialogue in a cell: an iteration is once through its steps."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from lockstep.dialogue.data import Deal, RowsUsedUpError
from lockstep.dialogue.player import Play, Player
from lockstep.dialogue.reading import read_dialogue
from lockstep.errors import HarnessError
from lockstep.tcp.client import TcpClient
from lockstep.tcp.messages import Message
from lockstep.tcp.samples import ABSENT, ANSWERED, Outcome
from lockstep.tcp.state import State
from lockstep.worker.loads import Iteration, Stage, position_of

_IDLE = State.IDLE


class DialogueUser:
    """One of them in one cell."""

    def __init__(self, player: Player, stage: Stage) -> None:
        self.client = player.client
        self._player = player
        self._stage = stage

    def open(self) -> Outcome:
        """See CellUser."""
        try:
            return self._player.open()
        except RowsUsedUpError:
            # Who iterates is told, and rests.
            return ANSWERED

    def iterate(self, due_ns: int) -> bool:
        """Once through the dialogue; who has no data left rests until the cell is over."""
        try:
            return self._player.iterate(due_ns)
        except RowsUsedUpError as out:
            self._stage.note_trouble(str(out))
            self._stage.await_end()
            return True

    def abort(self) -> None:
        """See CellUser."""
        self.client.abort(stopped=True)

    def leave(self) -> None:
        """See CellUser."""
        self._player.leave()


class DialogueLoad:
    """A dialogue's file, read anew for every cell, whose data begins anew with it."""

    def __init__(self, stage: Stage) -> None:
        order, file = stage.order, stage.order.traffic.user_file
        assert file is not None
        dialogue = read_dialogue(Path(file.path))
        self._stage = stage
        self._dialogue = dialogue
        deal = Deal(dialogue.tables, order.share, order.shares, order.seed)
        try:
            self._play = Play(dialogue, deal, timing=order.timing, seed=order.seed)
        except ValueError as error:
            raise HarnessError(f"{file.path}: {error}") from error
        self._numbers = count()
        only = self._play.only
        self.iterate: Iteration = (
            DialogueUser.iterate if only is None else _short_way(only, order.traffic.arrival.open)
        )

    def new_user(self, number: int) -> DialogueUser:
        """See Load."""
        stage, dialogue, order = self._stage, self._dialogue, self._stage.order
        settings = stage.connection_of(number)
        settings["timeout_s"] = dialogue.timeout_s
        client = TcpClient(
            stage.endpoint, stage.journal, framing=dialogue.framing, timing=order.timing, **settings
        )
        player = Player(
            self._play,
            client,
            stage.journal,
            stage,
            number=1 + position_of(order, next(self._numbers)),
            open_load=order.traffic.arrival.open,
        )
        return DialogueUser(player, stage)


def _short_way(only: Message, open_load: bool) -> Iteration:
    """An iteration that is this one message: a method more would be a hundredth of it."""

    def iterate(user: DialogueUser, due_ns: int) -> bool:
        client = user.client
        if client.state is _IDLE:
            return client.exchange(only, due_ns if open_load else ABSENT) is ANSWERED
        return user.iterate(due_ns)

    return iterate
