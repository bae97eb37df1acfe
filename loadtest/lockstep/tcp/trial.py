"""One connection before all others: whether anybody is there, and speaks TLS where that is asked for."""

from __future__ import annotations

import errno
from contextlib import suppress

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import Address
from lockstep.tcp.dialling import DialError, dial, find_way, from_source, links_to
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep.tcp.link import Link, LinkMaker
from lockstep.tcp.samples import NO_HANDSHAKE, explain

TRIAL_S = 5.0
_NO_ANSWER = "no answer within {timeout_s:g} s"
_CERTIFICATE = "certificate verify failed"


def try_out(
    endpoint: Endpoint,
    source: str | None = None,
    link: LinkMaker | None = None,
    timeout_s: float = TRIAL_S,
) -> None:
    """Connect, shake hands over TLS, and close: nothing is said.

    source: a local address to connect from. link: as for a client. HarnessError where it fails, with the
    reason and what to do about it.
    """
    make_link = links_to(endpoint, link)
    opened: list[Link] = []

    def attempt(address: Address, bound_s: float | None) -> None:
        made = make_link(address.family, bound_s)
        opened.append(made)
        made.connect(address.sockaddr, source)

    try:
        try:
            dial(from_source(find_way(endpoint), source), timeout_s, attempt, lambda: False)
        except DialError as failure:
            reason = _reason(failure.error, _NO_ANSWER, timeout_s)
            raise HarnessError(
                f"no connection to {endpoint} ({reason}): {_remedy(endpoint, failure.error)}"
            ) from failure
        try:
            opened[-1].bound(timeout_s)
            opened[-1].handshake()
        except OSError as error:
            reason = _reason(error, NO_HANDSHAKE, timeout_s)
            raise HarnessError(
                f"no TLS connection to {endpoint} ({reason}): {_tls_remedy(reason)}"
            ) from error
    finally:
        for each in opened:
            with suppress(OSError):
                each.finish()
            each.close()


def _reason(error: OSError, too_late: str, timeout_s: float) -> str:
    _, reason = explain(error, too_late, timeout_s)
    return reason[:1].lower() + reason[1:] if not reason.startswith("TLS") else reason


def _remedy(endpoint: Endpoint, error: OSError) -> str:
    if endpoint.scheme is not Scheme.UNIX:
        return "start the service, or check host and port"
    if error.errno == errno.EACCES:
        return "check the mode of the socket and of its folder"
    return "start the service, or check the path"


def _tls_remedy(reason: str) -> str:
    if _CERTIFICATE in reason:
        return "name who signed it by ?ca=FILE, or trust anybody by ?verify=off"
    return "does it speak TLS? If not, write tcp://"
