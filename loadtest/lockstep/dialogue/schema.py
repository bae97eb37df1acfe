"""The JSON schema of a dialogue's file: what editors complete and check by."""

from __future__ import annotations

import json

from lockstep.dialogue.model import DialogueFile


def schema_text() -> str:
    """The schema as JSON text."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **DialogueFile.model_json_schema()}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
