"""The teaching text's greetings, which both ends know."""

from __future__ import annotations

from typing import Final

ACKNOWLEDGEMENT: Final = "收到客户端信息".encode()
"""What the server answers to anything, unless it is told to echo."""


def greeting_of(number: int) -> bytes:
    """What client `number`, counted from 1, says once it is connected."""
    return f"客户端{number}连接成功".encode()
