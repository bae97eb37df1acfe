"""How a PostgreSQL server is shown a password: as it is, MD5, or SCRAM-SHA-256 (RFC 5802, 7677)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from struct import Struct

from lockstep_wire.framing import Malformed
from lockstep_wire.framings.postgresql import PostgreSQL

_INT = Struct(">I")
_CLEARTEXT, _MD5, _SASL, _SASL_CONTINUE, _SASL_FINAL = 3, 5, 10, 11, 12
_MECHANISM = b"SCRAM-SHA-256"
# 4,096 is usual; a server could keep us busy for hours.
_ROUNDS = re.compile(rb"[1-9][0-9]{0,6}")
# No channel is bound: `n,,`, and the same in base64.
_NO_BINDING = b"n,,"
_NO_BINDING_BASE64 = b"biws"


class Login:
    """One login: send `startup`, then what `answer` makes of each reply, until that is None.

        message = login.startup
        while message:
            message = login.answer(client.request(message).payload)

    Made anew for each connection.
    """

    def __init__(self, startup: bytes, user: str, password: str) -> None:
        self.startup = startup
        self._user = user.encode()
        self._password = password.encode()
        self._nonce = base64.b64encode(secrets.token_bytes(18))
        self._signature = b""

    def answer(self, reply: bytes | None) -> bytes | None:
        """What the server is to be sent next; None where there is nothing more to say.

        reply: the payload of its reply, None where there was none. Malformed where it asks for what this
        does not know, or does not know the password itself.
        """
        asked = [body for kind, body in PostgreSQL.messages(reply or b"") if kind == "R"]
        said: bytes | None = None
        for body in asked:
            (code,) = _INT.unpack_from(body)
            said = self._say(code, body[_INT.size :])
        return None if said is None else PostgreSQL.message("p", said)

    def _say(self, code: int, asked: bytes) -> bytes | None:
        if code == _CLEARTEXT:
            return self._password + b"\0"
        if code == _MD5:
            inner = hashlib.md5(self._password + self._user, usedforsecurity=False).hexdigest().encode()
            return b"md5" + hashlib.md5(inner + asked, usedforsecurity=False).hexdigest().encode() + b"\0"
        if code == _SASL and _MECHANISM in asked.split(b"\0"):
            first = _NO_BINDING + self._first()
            return _MECHANISM + b"\0" + _INT.pack(len(first)) + first
        if code == _SASL_CONTINUE:
            return self._prove(asked)
        if code == _SASL_FINAL:
            self._check_server(asked)
        elif code:
            raise Malformed(f"a request for authentication {code}, which is not known here", asked)
        return None

    def _first(self) -> bytes:
        return b"n=,r=" + self._nonce

    def _prove(self, challenge: bytes) -> bytes:
        said = dict(part.split(b"=", 1) for part in challenge.split(b",") if b"=" in part)
        nonce, rounds = said.get(b"r", b""), said.get(b"i", b"")
        if not nonce.startswith(self._nonce) or not _ROUNDS.fullmatch(rounds):
            raise Malformed("a challenge that does not answer our own", challenge)
        try:
            salt = base64.b64decode(said.get(b"s", b""), validate=True)
        except ValueError:
            raise Malformed("a salt that is not base64", challenge) from None
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, int(rounds))
        final = b"c=" + _NO_BINDING_BASE64 + b",r=" + nonce
        signed = b",".join((self._first(), challenge, final))
        key = _mac(salted, b"Client Key")
        signature = _mac(hashlib.sha256(key).digest(), signed)
        self._signature = base64.b64encode(_mac(_mac(salted, b"Server Key"), signed))
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        return final + b",p=" + base64.b64encode(proof)

    def _check_server(self, verdict: bytes) -> None:
        if verdict != b"v=" + self._signature:
            raise Malformed("a proof that it knows the password, which it does not", verdict)


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")
