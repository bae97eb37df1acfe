"""TLS without a socket: what the peer sends goes in, plain bytes come out, and the other way round.

Loaded where somebody names a `tls://` target, and nowhere else: OpenSSL takes its time and memory.
"""

from __future__ import annotations

import errno
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from lockstep.errors import HarnessError
from lockstep.tcp.endpoint import Endpoint, Options
from lockstep.tcp.link import RECEIVE_BYTES

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# `[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)`
_AROUND_THE_WORDS = re.compile(r"^\[[^]]*\]\s*|\s*\(_ssl\.c:\d+\)$")
CUT = "the peer closed during the TLS handshake"


class TlsRefusedError(ConnectionRefusedError):
    """One of both ends does not want the other, or does not understand it; in OpenSSL's words."""

    def __init__(self, error: ssl.SSLError) -> None:
        super().__init__(errno.ECONNREFUSED, f"TLS: {in_words(error)}")


def in_words(error: ssl.SSLError) -> str:
    """What OpenSSL says, without where in its code and Python's it says so."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message.rstrip('.')}"
    return _AROUND_THE_WORDS.sub("", error.strerror or str(error))


def context_of(endpoint: Endpoint) -> ssl.SSLContext:
    """What all connections to an endpoint have in common, made once for all with the same options.

    HarnessError names the file that is missing or is not what it should be.
    """
    return _context_of(endpoint.options)


def server_name_of(endpoint: Endpoint) -> str:
    """Whose certificate it must be. A scope (`fe80::1%eth0`) is this machine's own word for an interface."""
    return endpoint.options.server_name or endpoint.host.partition("%")[0]


def check(endpoint: Endpoint) -> None:
    """HarnessError where a file or a name of an endpoint's cannot be used. Connects to nobody."""
    name = server_name_of(endpoint)
    try:
        TlsChannel(context_of(endpoint), name)
    except ValueError as error:
        # A label that is too long, or none at all.
        raise HarnessError(f"server_name={name} is no name of a server ({error}): check it") from error


@lru_cache(maxsize=64)
def _context_of(options: Options) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # A peer that begins anew in mid-stream would have us wait for it where we write.
    context.options |= ssl.OP_NO_RENEGOTIATION
    if options.min_version is not None:
        context.minimum_version = _VERSIONS[options.min_version]
    if options.max_version is not None:
        context.maximum_version = _VERSIONS[options.max_version]
    if options.alpn:
        context.set_alpn_protocols(list(options.alpn))
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif options.ca is None:
        context.load_default_certs()
    else:
        _load("ca", options.ca, lambda: context.load_verify_locations(options.ca))
    if options.cert is not None:
        if options.key is not None:
            _check_readable("key", options.key)
        _load("cert", options.cert, lambda: _load_own(context, options))
    return context


def _load_own(context: ssl.SSLContext, options: Options) -> None:
    def password() -> str:
        raise HarnessError(
            f"key {options.key or options.cert} is encrypted: give one without a password, as "
            "`openssl pkey` writes it"
        )

    assert options.cert is not None
    context.load_cert_chain(options.cert, options.key, password)


def _load(name: str, file: str, load: Callable[[], None]) -> None:
    _check_readable(name, file)
    try:
        load()
    except ssl.SSLError as error:
        raise HarnessError(f"{name}={file} cannot be used ({in_words(error)}): give PEM files") from error


def _check_readable(name: str, file: str) -> None:
    try:
        with Path(file).open("rb"):
            pass
    except OSError as error:
        raise HarnessError(
            f"{name}={file} cannot be read ({error.strerror}): check its name and mode"
        ) from error


class TlsChannel:
    """One connection's records, of one end. Its methods raise TlsRefusedError.

    `take` has what is to be sent to the peer; it may have something after each of the others.
    """

    __slots__ = ("_incoming", "_outgoing", "_tls", "ended")

    def __init__(
        self, context: ssl.SSLContext, server_name: str | None, session: ssl.SSLSession | None = None
    ) -> None:
        """session: one of before with this context, to be resumed."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name, session=session
        )
        # Whether the peer has said that it sends nothing more.
        self.ended = False

    def shake(self, data: bytes = b"") -> bool:
        """Go on with the handshake. data: what the peer has sent since. Whether it is over."""
        if data:
            self._incoming.write(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise TlsRefusedError(error) from error
        return True

    @property
    def resumed(self) -> bool:
        """Whether the session is one of before."""
        return bool(self._tls.session_reused)

    @property
    def session(self) -> ssl.SSLSession | None:
        """What another connection can resume; None where the peer has given nothing to do so.

        With TLS 1.3 that comes after the handshake, with the first bytes of whatever the peer says.
        """
        session = self._tls.session
        if session is None or not (session.has_ticket or self._tls.version() == "TLSv1.2"):
            return None
        return session

    def write(self, data: bytes) -> bytes:
        """As records."""
        try:
            written = self._tls.write(data)
            while written < len(data):
                written += self._tls.write(memoryview(data)[written:])
        except ssl.SSLError as error:
            raise TlsRefusedError(error) from error
        return self._outgoing.read()

    def read(self, data: bytes) -> bytes:
        """What the peer has said in these records; empty where none is whole, or they say something else."""
        incoming, read = self._incoming, self._tls.read
        incoming.write(data)
        try:
            plain = read(RECEIVE_BYTES)
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLZeroReturnError:
            plain = b""
        except ssl.SSLError as error:
            raise TlsRefusedError(error) from error
        if plain and not incoming.pending:
            return plain
        return self._read_all(plain)

    def _read_all(self, plain: bytes) -> bytes:
        """What is left, until there is no whole record."""
        parts = [plain]
        try:
            while parts[-1]:
                parts.append(self._tls.read(RECEIVE_BYTES))
        except ssl.SSLWantReadError:
            return b"".join(parts)
        except ssl.SSLZeroReturnError:
            pass
        except ssl.SSLError as error:
            raise TlsRefusedError(error) from error
        self.ended = True
        return b"".join(parts)

    def goodbye(self) -> bytes:
        """That nothing more will be sent, as a record."""
        # It would wait for the peer's own; or there was no session to take leave of.
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        return self._outgoing.read()

    def take(self) -> bytes:
        """What is to be sent to the peer by now."""
        return self._outgoing.read() if self._outgoing.pending else b""
