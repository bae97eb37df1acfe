"""What every server here answers, and what our own answers unless told otherwise."""

from __future__ import annotations

REPLY = "收到客户端信息".encode()
BACKLOG = 4096
RECEIVE_BYTES = 65536
