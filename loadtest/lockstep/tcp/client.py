"""The client that a user holds: messages over one TCP connection, each of them timed, each failure named.

Knows no Locust.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

from lockstep.errors import HarnessError
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.messages import Message
from lockstep.tcp.replies import Expect, RawEnd, Wanted, full_check, wanted
from lockstep.tcp.samples import ABSENT, ANSWERED, TOO_LATE, Meter, Outcome, Phase, Reply, with_bytes
from lockstep.tcp.state import STILL_IN_FLIGHT, Event, State
from lockstep.tcp.stream import SENT_WRONGLY, CutShortError, MessageStream, StreamSettings
from lockstep_wire.framing import FrameError

if TYPE_CHECKING:
    from lockstep.tcp.caught import CaughtReply

# Looked up once: see ANSWERED.
_FIRST_REPLY, _MESSAGE, _RECEIVE = Phase.FIRST_REPLY, Phase.MESSAGE, Phase.RECEIVE
_IDLE, _AWAITING = State.IDLE, State.AWAITING
_SENT = Event.SENT
_now_ns = time.monotonic_ns
FRAMES_ONLY = "replies={replies!r}: give how many frames are the reply, 1 or more; only a framing has frames"
HAS_LEFT = "{peer} closed, and says nothing more"


class Asking(TypedDict, total=False):
    """What else may be said of a request: see `TcpClient.request`."""

    end: RawEnd | None
    name: str | None
    timeout: float | None
    replies: int


class TcpClient(MessageStream):
    """Sends messages over one TCP connection and takes their replies, in order, for one greenlet or thread.

    A failed step is data: a method returns its Outcome, which the meter is told too, and raises nothing. The
    connection is then given up, and the next message opens another. HarnessError is raised where the client
    is misused, by a second greenlet too, and where this machine is at fault: no files, ports or such host.
    """

    __slots__ = ("_caught", "_told")

    def __init__(self, endpoint: Endpoint, meter: Meter, **settings: Unpack[StreamSettings]) -> None:
        """See MessageStream."""
        super().__init__(endpoint, meter, **settings)
        # What the last request came to that did not go the short way.
        self._told = Reply(ANSWERED)
        # Of which its user has not said yet how it went.
        self._caught: CaughtReply | None = None

    @overload
    def request(
        self,
        payload: bytes,
        expect: Expect | None = None,
        *,
        catch: Literal[False] = False,
        **how: Unpack[Asking],
    ) -> Reply: ...

    @overload
    def request(
        self, payload: bytes, expect: Expect | None = None, *, catch: Literal[True], **how: Unpack[Asking]
    ) -> CaughtReply: ...

    def request(
        self,
        payload: bytes,
        expect: Expect | None = None,
        *,
        end: RawEnd | None = None,
        name: str | None = None,
        timeout: float | None = None,
        replies: int = 1,
        catch: bool = False,
    ) -> Reply | CaughtReply:
        """Send one message and wait for its reply, both together within timeout_s; connects where need be.

        payload: bytes, which the framing puts into a frame.
        expect: the reply's payload; or a compiled pattern of bytes that is found in it (`^` and `$` make it
        the whole); or `prefix(b"...")`, `size(n)`; or a function that takes the payload and returns what is
        wrong with it, None or True where nothing is. Another reply is a MISMATCH; one that the framing knows
        for the peer's own complaint an ERROR.
        end: where a reply in raw framing ends: `sized(...)`, `until(...)`, or a function of the bytes that
        are there, which gives how many of them are the reply, None if more must come. In raw framing without
        `end`, exact bytes, `prefix` or `size`, whatever comes first is the reply.
        name: what it is called in the tables, where it then has a row of its own. timeout: seconds, in the
        place of timeout_s. replies: how many frames are the reply, or fewer where one is an error; what is
        expected is asked of all of them, one after another. catch: for `with ... as reply`, in which
        `reply.failure("why")` and `reply.success()` say how it went.

        Returns a Reply, which is true if it was ANSWERED: outcome, payload without frame and timing header,
        and wait_ns and service_ns, nanoseconds as the server told.
        HarnessError where replies to messages of `send` are still due, and where the framing cannot carry the
        payload.
        """
        return self._request(payload, expect, end, name, timeout, replies, catch)

    def _request(
        self,
        payload: bytes,
        expect: Expect | None,
        end: RawEnd | None,
        name: str | None,
        timeout: float | None,
        replies: int,
        catch: bool,
    ) -> Reply | CaughtReply:
        """As `request`, in whose place a user's client has another one."""
        try:
            message = self._prepared[payload, expect, name]
        except TypeError:
            message = self._prepared.ready(payload, expect, name)
        if end is None and timeout is None and self._timing is None and replies == 1 and not catch:
            outcome = self.exchange(message)
            return self._told if message.answer is None or outcome is not ANSWERED else message.answer
        rule = self._rule(message.expect, end)
        if replies != 1:
            self._check_frames(replies)
        with self._within(timeout):
            if catch:
                return self._catch(message, rule, replies)
            return self._exchange(message, ABSENT, rule, replies)

    def exchange(self, message: Message, due_ns: int = ABSENT) -> Outcome:
        """As `request`, for a message that was made ready: the short way, taken 100,000 times a second.

        due_ns: when it should have been sent, monotonic nanoseconds; ABSENT where nobody can say.
        """
        # A message in flight is no change of state here: two moves would cost a third as much again.
        link = self._link
        frame, due_back, tag = message.frame, message.reply, message.tag
        if self.state is not _IDLE or link is None:
            return self._exchange(message, due_ns, self._rule(message.expect, None)).outcome
        if due_back is None:
            # What makes no sense is refused before it is sent.
            self._rule(message.expect, None)
        sent_ns = _now_ns()
        try:
            if not message.distinct and self._is_to_ask(sent_ns):
                if unasked := self._unasked(link):
                    return self._reported(Reply(self._refuse(_MESSAGE, unasked, tag))).outcome
                sent_ns = _now_ns()
            data = link.ask(frame)
        except HarnessError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised again where it is not the link's
            return self._unanswered(message, due_ns, sent_ns, error)
        self.free_ns = end_ns = _now_ns()
        wait_ns = service_ns = ABSENT
        if data != due_back or self._timed_check is not None:
            times_ns = self._times_of(data, due_back)
            if times_ns is None:
                return self._full_check(message, due_ns, sent_ns, data)
            wait_ns, service_ns = times_ns
        self._meter.message(
            (due_ns, sent_ns, end_ns, wait_ns, service_ns, len(frame), len(data), tag), message.answer
        )
        timestamps = self._timestamps
        timestamps.answered += 1
        if timestamps.first_reply_ns is None:
            timestamps.first_sent_ns, timestamps.first_reply_ns = sent_ns, end_ns
            self._meter.step(_FIRST_REPLY, sent_ns, end_ns)
        return ANSWERED

    def send(self, payload: bytes, *, reply: bool = True, name: str | None = None) -> Outcome:
        """Write one message without waiting for its reply, within timeout_s; connects where need be.

        payload, name: as for `request`. Its time runs from here until `receive` has the reply. reply: False
        for a message that gets none: a step `send` of its own, over once the system has taken all its bytes.

        Returns ANSWERED once it is written, else how it failed. Any number of replies may be due; one that is
        not fetched for timeout_s is a TIMEOUT at the next message.
        """
        message = self._prepared.ready(payload, None, name)
        return self._send(message, ABSENT) if reply else self._send_only(message)

    def receive(
        self, expect: Expect | None = None, *, end: RawEnd | None = None, timeout: float | None = None
    ) -> Reply:
        """Wait, for timeout_s, for the reply to the oldest message of `send` that has none yet.

        Where none is due: for what the peer says unasked, a banner or a push; connects where need be. That is
        a step `receive`, from now until it is whole; where nothing comes that fails, and no more than that.
        After shutdown() the Reply has no payload once the peer has closed too.
        expect, end, timeout, and what is returned: as for `request`. Where that message was lost meanwhile,
        with its connection, this returns at once, and how.
        """
        right = wanted(expect)
        rule = self._rule(right, end)
        lost = self._in_flight.next_lost()
        if lost is not None:
            return Reply(lost)
        with self._within(timeout):
            if not self._in_flight or self._link is None:
                return self._listen(right, rule)
            self._link.begin()
            reply = self._next_reply(right, rule)
            if not reply:
                self._in_flight.next_lost()
            return reply

    def messages(self, timeout: float | None = None) -> Iterator[bytes]:
        """What the peer pushes, payload by payload, until nothing whole comes within `timeout` seconds.

        timeout: timeout_s where it is None. Ends too once the peer has closed. That nothing comes is no
        failure, nor that the peer closes after shutdown(). Connects where need be.
        """
        while True:
            with self._within(timeout):
                pushed = self._listen(None, self._rule(None, None), quiet=True)
            if pushed.payload is None or not pushed:
                return
            yield pushed.payload

    def pipeline(
        self,
        payloads: Iterable[bytes | tuple[bytes, Expect]],
        *,
        name: str | None = None,
        timeout: float | None = None,
    ) -> list[Reply]:
        """Send all of these without waiting, and read their replies meanwhile, however large both are.

        payloads: of each message, or with what is expected of its reply. name, timeout: as for `request`; the
        bound is of each reply, counted from the one before it. A message's time runs from its own first byte.

        Returns a Reply to each, in their order: after one that has lost the connection, all are ABORTED.
        HarnessError where replies to messages of `send` are still due.
        """
        pairs = (each if isinstance(each, tuple) else (each, None) for each in payloads)
        messages = [self._prepared.ready(payload, expect, name) for payload, expect in pairs]
        if self.state is _AWAITING:
            raise HarnessError(STILL_IN_FLIGHT)
        with self._within(timeout):
            return self._run_pipeline(messages)

    def _run_pipeline(self, messages: Sequence[Message]) -> list[Reply]:
        # Most users never need one.
        from lockstep.tcp.pipeline import Pipeline

        return Pipeline(self, messages).run() if messages else []

    def close(self) -> Outcome:
        """See Connection.close."""
        self._settle()
        return super().close()

    def _catch(self, message: Message, rule: RawEnd, replies: int) -> CaughtReply:
        """The exchange, which is booked once its user has said how it went, or does something else."""
        # Most users leave that to `expect`.
        from lockstep.tcp.caught import CaughtReply, KeptBooking

        self._settle()
        meter = self._meter
        self._meter = kept = KeptBooking(meter)
        self._in_flight.tell(kept)
        try:
            reply = self._exchange(message, ABSENT, rule, replies)
        except BaseException:
            kept.pass_on()
            raise
        finally:
            self._meter = meter
            self._in_flight.tell(meter)
        self._caught = caught = CaughtReply(reply, kept)
        return caught

    def _settle(self) -> None:
        """Book a caught reply of which nobody has said anything."""
        caught, self._caught = self._caught, None
        if caught is not None:
            caught.settle()

    def _check_frames(self, replies: object) -> None:
        whole = isinstance(replies, int) and not isinstance(replies, bool) and replies > 0
        if not whole or not self._framing.cuts or self._timing is not None:
            raise HarnessError(FRAMES_ONLY.format(replies=replies))

    def _unanswered(self, message: Message, due_ns: int, sent_ns: int, error: BaseException) -> Outcome:
        """What struck the short way while this message was under way; raised again if not the link's."""
        self._in_flight.add(due_ns, sent_ns, len(message.frame), message.tag)
        if isinstance(error, OSError):
            return self._reported(self._fail(error)).outcome
        self._lose_all(Outcome.ABORTED, self._interruption(error))
        raise error

    def _times_of(self, data: bytes, reply: bytes | None) -> tuple[int, int] | None:
        """The server's times, where this is the whole reply with them; None where a full check is needed."""
        return None if self._timed_check is None or reply is None else self._timed_check(data, reply)

    def _full_check(self, message: Message, due_ns: int, sent_ns: int, data: bytes) -> Outcome:
        """What came is not the whole reply and nothing else: it may be a part of it, or wrong."""
        self._begin_message(message, sent_ns, due_ns)
        return self._reported(
            self._next_reply(message.expect, self._rule(message.expect, None), data)
        ).outcome

    def _exchange(self, message: Message, due_ns: int, rule: RawEnd, frames: int = 1) -> Reply:
        if self.state is _AWAITING:
            self._need_link().begin()
            raise HarnessError(STILL_IN_FLIGHT)
        outcome = self._send(message, due_ns)
        return self._reported(
            self._next_reply(message.expect, rule, frames=frames) if outcome is ANSWERED else Reply(outcome)
        )

    def _reported(self, reply: Reply) -> Reply:
        """Who asked is told of this one, and waits for no other."""
        self._in_flight.forget_lost()
        self._told = reply
        return reply

    def _listen(self, expect: Wanted, rule: RawEnd, *, quiet: bool = False) -> Reply:
        """Wait for what comes unasked, check and book it. quiet: that nothing comes is no failure."""
        outcome = self._get_ready(_RECEIVE, 0)
        if outcome is not ANSWERED:
            return Reply(outcome)
        if self._in_flight:
            raise HarnessError(STILL_IN_FLIGHT)
        link, replies = self._need_link(), self._held_replies()
        self._move(Event.LISTEN)
        start_ns, received = _now_ns(), 0
        try:
            while (payload := replies.take(rule)) is None:
                data = link.receive()
                if not data:
                    raise CutShortError
                received += len(data)
                replies.feed(data)
        except CutShortError:
            return self._hang_up(start_ns, replies.held, received)
        except FrameError as error:
            detail = with_bytes(SENT_WRONGLY.format(peer=self.address, what=error), error.data)
            return Reply(self._lose(_RECEIVE, start_ns, Outcome.MISMATCH, detail, received=received))
        except OSError as error:
            return self._nothing_came(error, start_ns, received, quiet=quiet)
        except Exception as error:
            # In the user's own idea of where it ends.
            self._lose(_RECEIVE, start_ns, Outcome.ABORTED, f"{type(error).__name__}: {error}")
            raise
        except BaseException as error:
            self._break_off(error, _RECEIVE, start_ns)
            raise
        return self._book_push(payload, expect, start_ns, received)

    def _book_push(self, payload: bytes, expect: Wanted, start_ns: int, received: int) -> Reply:
        self.free_ns = end_ns = _now_ns()
        try:
            checked = full_check(payload, expect, None, self._error_in)
        except Exception as error:
            # In the user's own idea of what it is to be.
            self._lose(_RECEIVE, start_ns, Outcome.ABORTED, f"{type(error).__name__}: {error}")
            raise
        if checked.outcome is ANSWERED:
            self._meter.step(_RECEIVE, start_ns, end_ns)
        elif checked.outcome is Outcome.MISMATCH:
            self._lose(_RECEIVE, start_ns, checked.outcome, checked.detail, received=received)
        else:
            self._note_failure(checked.outcome, checked.detail, start_ns, received)
        return Reply(checked.outcome, payload)

    def _hang_up(self, start_ns: int, held: bytes, received: int) -> Reply:
        """The peer has closed: after shutdown() that is the end which was waited for."""
        if self._aborted:
            return Reply(self._lose(_RECEIVE, start_ns, Outcome.ABORTED, self._why_aborted))
        if self.state is State.HALF_CLOSED and not held:
            self._ended_by_peer()
            return Reply(ANSWERED)
        return Reply(
            self._lose(
                _RECEIVE,
                start_ns,
                Outcome.SHORT,
                with_bytes(HAS_LEFT.format(peer=self.address), held),
                received=received,
            ),
            held or None,
        )

    def _nothing_came(self, error: OSError, start_ns: int, received: int, *, quiet: bool) -> Reply:
        """Nothing is in flight, so nothing is misunderstood where nothing came: the connection goes on."""
        outcome, reason = self._explain(error, TOO_LATE)
        if outcome is not Outcome.TIMEOUT:
            return Reply(self._lose(_RECEIVE, start_ns, outcome, reason, received=received))
        if not quiet:
            self._note_failure(outcome, reason, start_ns, received)
        return Reply(outcome)

    def _note_failure(self, outcome: Outcome, detail: str, start_ns: int, received: int) -> None:
        self._timestamps.refusal = outcome
        self._meter.failure(self._failure(_RECEIVE, start_ns, outcome, detail, received=received))
