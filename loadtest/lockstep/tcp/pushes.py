"""What the peer says unasked: a banner, pushes, the rest of what it has to say. Each is a step `receive`."""

from __future__ import annotations

import time
from collections.abc import Iterator

from lockstep.errors import HarnessError
from lockstep.tcp.endings import RawEnd
from lockstep.tcp.expect import Wanted
from lockstep.tcp.receiving import SENT_WRONGLY, CutShortError
from lockstep.tcp.replies import full_check
from lockstep.tcp.samples import ANSWERED, STOPPED, TOO_LATE, Outcome, Phase, Reply, with_bytes
from lockstep.tcp.state import STILL_IN_FLIGHT, Event, State
from lockstep.tcp.stream import MessageStream
from lockstep_wire.peer import FrameError

_RECEIVE = Phase.RECEIVE
_now_ns = time.monotonic_ns
HAS_LEFT = "{peer} closed, and says nothing more"


class Pushes(MessageStream):
    """A stream on which the peer may speak without having been asked."""

    __slots__ = ()

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
            return Reply(self._lose(_RECEIVE, start_ns, Outcome.ABORTED, STOPPED))
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
