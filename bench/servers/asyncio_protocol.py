"""An asyncio server as fast as asyncio gets: a Protocol, no streams.

`python -m bench.servers.asyncio_protocol [uvloop]`; with `uvloop` on that loop instead of asyncio's own.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import cast

from bench.servers.reply import BACKLOG, REPLY


class Replying(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what can be written to."""
        self._write = cast(asyncio.Transport, transport).write  # uvloop's is one without inheriting it

    def data_received(self, _: bytes) -> None:
        """Reply."""
        self._write(REPLY)


async def serve() -> None:
    """Serve for ever."""
    server = await asyncio.get_running_loop().create_server(Replying, "127.0.0.1", 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Run on the loop that is asked for."""
    if sys.argv[1:] == ["uvloop"]:
        importlib.import_module("uvloop").run(serve())
    else:
        asyncio.run(serve())


if __name__ == "__main__":
    main()
