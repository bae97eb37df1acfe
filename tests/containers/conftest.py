"""Leaves no image of a test run behind; the engine's build cache stays, and makes the next run quick."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.containers.stack import IMAGES, docker


@pytest.fixture(scope="session", autouse=True)
def images_are_removed() -> Iterator[None]:
    yield
    built = [image for image in IMAGES if docker("image", "ls", "--quiet", image)]
    if built:
        docker("image", "rm", *built)
