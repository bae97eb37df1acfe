"""What the pages show as a whole file is one: it can be taken as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lockstep.python_files import users_of
from lockstep.user_files import find_user_file

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCKS = [
    pytest.param(block, id=f"{page}, {found[1]}")
    for page in ("client.md", "your-service.md")
    for block in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    if (found := re.search(r"^class (\w+)", block, re.MULTILINE))
]


def test_every_block_of_the_clients_page_is_a_class() -> None:
    assert (DOCS / "client.md").read_text(encoding="utf-8").count("```python") == len(BLOCKS) - 1


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_a_whole_file(block: str, tmp_path: Path) -> None:
    path = tmp_path / "users.py"
    path.write_text(block, encoding="utf-8")
    file, facts = find_user_file(path)
    assert len(users_of(file)) == 1
    assert facts.notes == ()
