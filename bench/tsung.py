"""Tsung, the Erlang load generator: request and response over kept connections with its raw protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from bench.generators import FRAME_BYTES
from bench.ports import free_port
from bench.processes import ON_LOAD_CORE, Running, ToolError, running

DTD = Path("/usr/share/tsung/tsung-1.0.dtd")
REMEDY = "not installed: apt install tsung"
# A user goes on for longer than any measurement.
MESSAGES_A_USER = 100_000_000

_CONFIGURATION = """<?xml version="1.0"?>
<!DOCTYPE tsung SYSTEM "{dtd}">
<tsung loglevel="warning" version="1.0">
  <clients><client host="localhost" use_controller_vm="true" maxusers="{limit}"/></clients>
  <servers><server host="127.0.0.1" port="{port}" type="tcp"/></servers>
  <load>
    <arrivalphase phase="1" duration="5" unit="minute">
      <users maxnumber="{connections}" arrivalrate="{rate}" unit="second"/>
    </arrivalphase>
  </load>
  <options><option name="tcp_timeout" value="10000"/></options>
  <sessions>
    <session name="raw" probability="100" type="ts_raw">
      <for from="1" to="{messages}" var="i">
        <request><raw data="{data}" ack="local"/></request>
      </for>
    </session>
  </sessions>
</tsung>
"""


def configuration(port: int, connections: int) -> str:
    """tsung.xml: that many users, all there within a second, each with one message in flight for good."""
    return _CONFIGURATION.format(
        dtd=DTD,
        port=port,
        connections=connections,
        rate=connections * 2,
        limit=connections * 2,
        messages=MESSAGES_A_USER,
        data="x" * FRAME_BYTES,
    )


@dataclass(frozen=True, slots=True)
class Tsung:
    """All processes of its virtual machine count as the generator."""

    name: str = "tsung"
    frame_bytes: int = FRAME_BYTES

    @contextmanager
    def load(self, port: int, connections: int) -> Iterator[Running]:
        """In one virtual machine, controller and users together, without its web page.

        Erlang would leave its name server behind as a daemon: it gets one that ends with the block.
        """
        if which("tsung") is None or which("epmd") is None:
            raise ToolError(REMEDY)
        names = str(free_port())
        environment = {"ERL_EPMD_PORT": names, "ERL_EPMD_ADDRESS": "127.0.0.1"}
        with TemporaryDirectory() as folder:
            file = Path(folder) / "tsung.xml"
            file.write_text(configuration(port, connections))
            with (
                running("epmd", ["epmd", "-port", names, "-address", "127.0.0.1"]),
                running(
                    self.name,
                    ["tsung", "-n", "-f", str(file), "-l", folder, "-i", f"bench{port}", "start"],
                    ON_LOAD_CORE,
                    environment={**environment, "HOME": folder},
                ) as process,
            ):
                yield process
