"""A link whose bytes travel in TLS records over another link, which waits, be it a thread or a greenlet."""

from __future__ import annotations

import errno
import socket
import ssl

from lockstep.tcp.endpoint import Endpoint, Options
from lockstep.tcp.link import Answer, Link, LinkMaker, SocketAddress
from lockstep.tcp.tls import CUT, TlsChannel, TlsRefusedError, context_of, server_name_of

# The peer has closed already, and its system says so to whoever still writes.
_GONE = (errno.EPIPE, errno.ENOTCONN)


class TlsLinks:
    """Makes the links of one user to one endpoint, each of which offers the session of the last one."""

    def __init__(self, make_link: LinkMaker, endpoint: Endpoint) -> None:
        """make_link: of the links beneath. HarnessError where a file of the endpoint's cannot be used."""
        self._make_link = make_link
        self.context = context_of(endpoint)
        self.server_name = server_name_of(endpoint)
        self._resume = endpoint.options.resume
        self._session: ssl.SSLSession | None = None

    def __call__(self, family: socket.AddressFamily, timeout_s: float | None) -> TlsLink:
        """See LinkMaker."""
        return TlsLink(self._make_link(family, timeout_s), self)

    def channel(self) -> TlsChannel:
        """Of one connection that begins now."""
        return TlsChannel(self.context, self.server_name, self._session)

    def keep(self, channel: TlsChannel) -> None:
        """A connection is over: its session is what the next one offers."""
        if self._resume:
            self._session = channel.session or self._session


class TlsLink:
    """See Link. Bytes are those of the messages, not of the records that they travel in."""

    __slots__ = ("_beneath", "_channel", "_early", "_links", "_shaken")

    def __init__(self, beneath: Link, links: TlsLinks) -> None:
        self._beneath = beneath
        self._links = links
        self._channel = links.channel()
        self._shaken = False
        # What the peer said along with the end of the handshake.
        self._early = b""

    @property
    def address(self) -> str:
        """See Link.address."""
        return self._beneath.address

    @property
    def waiting(self) -> bool:
        """See Link.waiting."""
        return self._beneath.waiting

    def bound(self, timeout_s: float | None) -> None:
        """See Link.bound."""
        self._beneath.bound(timeout_s)

    def begin(self) -> None:
        """See Link.begin."""
        self._beneath.begin()

    def tune(self, options: Options) -> None:
        """See Link.tune."""
        self._beneath.tune(options)

    def connect(self, address: SocketAddress, source: str | None) -> None:
        """See Link.connect."""
        self._beneath.connect(address, source)

    def handshake(self) -> bool:
        """See Link.handshake."""
        beneath, channel = self._beneath, self._channel
        beneath.begin()
        data = b""
        while not self._shake(data):
            beneath.push(channel.take())
            data = beneath.receive()
            if not data:
                raise ConnectionResetError(errno.ECONNRESET, CUT)
        self._early = channel.read(b"")
        self._flush()
        self._shaken = True
        return channel.resumed

    def send(self, frame: bytes) -> None:
        """See Link.send."""
        beneath = self._beneath
        beneath.begin()
        beneath.push(self._channel.write(frame))

    def ask(self, frame: bytes) -> bytes:
        """See Link.ask."""
        self.send(frame)
        return self.receive()

    def relay(self, frame: bytes, answer: Answer) -> None:
        """See Link.relay."""
        following: bytes | None = frame
        while following is not None:
            following = answer(self.ask(following))

    def send_beside(self, frame: bytes) -> None:
        """See Link.send_beside."""
        self._beneath.send_beside(self._channel.write(frame))

    def push(self, data: bytes) -> None:
        """See Link.push."""
        self._beneath.push(self._channel.write(data))

    def receive(self) -> bytes:
        """See Link.receive. A peer that closes without having said so in TLS has closed nevertheless."""
        if self._early:
            return self._take_early()
        channel = self._channel
        while not channel.ended:
            data = self._beneath.receive()
            if not data:
                channel.ended = True
                break
            plain = channel.read(data)
            self._flush()
            if plain:
                return plain
        return b""

    def unread(self) -> bytes:
        """See Link.unread. Tickets and the like come unasked too, and are no bytes of anybody's."""
        if self._early:
            return self._take_early()
        # What the peer says next may wait for our acknowledgement of a ticket.
        while data := self._beneath.unread():
            plain = self._channel.read(data)
            self._flush()
            if plain:
                return plain
        return b""

    def finish(self) -> None:
        """See Link.finish: in TLS, and then in TCP."""
        try:
            self._beneath.push(self._channel.goodbye())
            self._beneath.finish()
        except OSError as error:
            # Who has closed in peace need not hear it.
            if error.errno not in _GONE:
                raise

    def reset(self) -> None:
        """See Link.reset."""
        self._beneath.reset()

    def abort(self) -> None:
        """See Link.abort."""
        self._beneath.abort()

    def close(self) -> None:
        """See Link.close."""
        if self._shaken:
            self._links.keep(self._channel)
        self._beneath.close()

    def _shake(self, data: bytes) -> bool:
        try:
            return self._channel.shake(data)
        except TlsRefusedError:
            # The peer is to hear why.
            self._flush()
            raise

    def _take_early(self) -> bytes:
        early, self._early = self._early, b""
        return early

    def _flush(self) -> None:
        if answer := self._channel.take():
            self._beneath.push(answer)
