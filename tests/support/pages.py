"""What a page of the documentation has in it for tests: commands to run, code, and how long examples are."""

from __future__ import annotations

import ast
import io
import re
import shlex
import tokenize
from pathlib import Path

from tests.support.server import ROOT

DOCS = ROOT / "docs"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def blocks_of(page: Path, kind: str) -> list[str]:
    """The texts of a page's blocks of a language."""
    return [text for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if language == kind]


def commands_of(page: Path) -> list[list[str]]:
    """The commands of a page's `sh` blocks, each as its words; a backslash goes on with the next line."""
    lines = [line for text in blocks_of(page, "sh") for line in text.replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def code_lines(file: Path) -> int:
    """Lines of code: without blank ones, comments and docstrings."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docstrings |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = {
        line
        for token in tokens
        if token.type not in _NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(code - docstrings)
