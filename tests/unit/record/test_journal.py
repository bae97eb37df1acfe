"""Rows of what was answered, handed on in bulk: all of them, in order, exactly once."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.record.journal import ROWS, Batch, Journal, MessageColumns, StepColumns
from lockstep.runs.connections import ClientView
from lockstep.tcp.samples import MessageRow, Outcome, Phase, Sample, message_sample
from tests.factories.reports import START_NS, message, view


def rows_of(columns: MessageColumns | StepColumns) -> list[tuple[int, ...]]:
    """The rows again, in order."""
    arrays = [getattr(columns, field.name) for field in fields(columns)]
    assert {(array.dtype, array.shape) for array in arrays} == {(np.dtype(np.int64), (len(columns),))}
    return list(zip(*(array.tolist() for array in arrays), strict=True))


class Reader:
    """Keeps the rows of all batches."""

    def __init__(self) -> None:
        self.batches = 0
        self.messages: list[tuple[int, ...]] = []
        self.steps: dict[Phase, list[tuple[int, ...]]] = {phase: [] for phase in Phase}

    def __call__(self, batch: Batch) -> None:
        self.batches += 1
        self.messages += rows_of(batch.messages)
        for phase, steps in batch.steps.items():
            self.steps[phase] += rows_of(steps)


MOMENT = st.integers(-1, 2**63 - 1)
FLUSH = "flush"
Entry = MessageRow | tuple[Phase, int, int] | str


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(*[MOMENT] * 8), st.tuples(st.sampled_from(Phase), MOMENT, MOMENT), st.just(FLUSH)
        ),
        max_size=60,
    )
)
def test_whatever_is_journalled_reaches_every_reader_once_and_in_order(entries: list[Entry]) -> None:
    first, second = Reader(), Reader()
    journal = Journal((first, second), ())
    messages: list[tuple[int, ...]] = []
    steps: dict[Phase, list[tuple[int, ...]]] = {phase: [] for phase in Phase}
    for each in entries:
        match each:
            case str():
                journal.flush()
            case (phase, start_ns, end_ns):
                journal.step(phase, start_ns, end_ns)
                steps[phase].append((start_ns, end_ns))
            case row:
                journal.message(row)
                messages.append(row)
    journal.flush()
    for reader in (first, second):
        assert reader.messages == messages
        assert reader.steps == steps


def test_a_messages_numbers_stand_in_the_columns_of_their_names() -> None:
    batches: list[Batch] = []
    journal = Journal((batches.append,), ())
    row = (1, 2, 4, 8, 16, 32, 64, 0)
    journal.message(row)
    journal.flush()
    sample, (messages,) = message_sample(row), [batch.messages for batch in batches]
    assert list(messages.sent_ns) == [sample.start_ns]
    assert list(messages.end_ns) == [sample.end_ns]
    for name in ("wait_ns", "service_ns", "sent_bytes", "received_bytes"):
        assert getattr(messages, name) == getattr(sample, name), name
    assert messages.due_ns == 1


def test_a_full_journal_hands_itself_on() -> None:
    reader = Reader()
    journal = Journal((reader,), ())
    for number in range(ROWS - 1):
        journal.message((number, 0, 0, 0, 0, 0, 0, 0))
    assert reader.batches == 0
    journal.message((ROWS - 1, 0, 0, 0, 0, 0, 0, 0))
    assert (reader.batches, len(reader.messages)) == (1, ROWS)
    for number in range(ROWS):
        journal.step(Phase.SCHEDULE_DELAY, number, number)
    assert (reader.batches, len(reader.steps[Phase.SCHEDULE_DELAY])) == (2, ROWS)


def test_an_empty_journal_tells_nobody() -> None:
    reader = Reader()
    journal = Journal((reader,), ())
    journal.flush()
    journal.message((0, 0, 0, 0, 0, 0, 0, 0))
    journal.flush()
    journal.flush()
    assert reader.batches == 1


def test_a_failure_is_handed_on_at_once_and_enters_no_batch() -> None:
    reader, first, second = Reader(), list[Sample](), list[Sample]()
    journal = Journal((reader,), (first.append, second.append))
    sample = message(1.5, 1.6, Outcome.RESET)
    journal.failure(sample)
    assert first == second == [sample]
    journal.flush()
    assert reader.batches == 0


def test_the_first_connections_are_handed_on_and_no_more_than_were_asked_for() -> None:
    kept: list[tuple[str, ClientView]] = []
    journal = Journal((), (), lambda address, seen: kept.append((address, seen)), 3)
    for number in range(5):
        assert journal.wants_connections == (number < 3)
        journal.connection(f"127.0.0.1:{number}", view(START_NS + number))
    assert [address for address, _ in kept] == ["127.0.0.1:0", "127.0.0.1:1", "127.0.0.1:2"]


def test_a_journal_that_keeps_no_connections_wants_none() -> None:
    journal = Journal((), ())
    assert not journal.wants_connections
    journal.connection("127.0.0.1:1", view(START_NS))
