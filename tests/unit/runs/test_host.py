"""What a run keeps of the machines it was made on."""

from __future__ import annotations

import os

import pytest

from lockstep.runs.host import cpu_model, describe_host
from lockstep_wire.build import build_of


@pytest.mark.parametrize(
    ("cpuinfo", "model"),
    [
        ("processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\n", "AMD EPYC"),
        ("model name : A: B\n", "A: B"),
        ("processor\t: 0\nCPU part\t: 0xd0c\n", None),
        ("", None),
    ],
)
def test_a_processor_is_called_what_the_kernel_calls_it(cpuinfo: str, model: str | None) -> None:
    assert cpu_model(cpuinfo) == model


def test_a_host_is_described_by_what_a_result_depends_on() -> None:
    told = describe_host("worker", "w")
    assert (told["role"], told["name"], told["cpu_count"]) == ("worker", "w", os.cpu_count())
    assert told["lockstep"] == build_of("lockstep", "lockstep_wire")
    assert {"python", "platform", "cpu_model", "boot_id"} <= set(told)
