"""Dialogues: what a user says and hears, written in TOML. Read and checked without a socket, then played."""

from __future__ import annotations

from pathlib import Path

SCHEMA_FILE = Path(__file__).with_name("dialogue.schema.json")
"""The JSON schema of such a file, made by `make settings`."""
