"""The JSON Schema of the estate document, made from its types: `python -m planner.formats.schema > FILE`."""

from __future__ import annotations

import inspect
import sys
from typing import Any, Final

import msgspec

from planner.estate import FORMAT
from planner.formats.document import Document

PUBLISHED: Final = "docs/headroom-estate-1.schema.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> bytes:
    """Give the schema as it is published, two blanks a level."""
    made = msgspec.json.schema(Document)
    definitions: dict[str, Any] = made["$defs"]
    root = definitions.pop("Document")
    root["required"] = ["format"]
    for definition in definitions.values():  # from Python 3.13 on the docstrings come without their margin
        definition["description"] = inspect.cleandoc(definition.get("description", ""))
    # The reader takes a plain yes or no for fault tolerance too.
    ft = definitions["VM"]["properties"]["ft"]
    default = ft.pop("default")
    definitions["VM"]["properties"]["ft"] = {"anyOf": [ft, {"type": "boolean"}], "default": default}
    whole = {
        "$schema": _DIALECT,
        "$id": f"urn:{FORMAT.replace('/', ':')}",
        "title": "Headroom estate document",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(schema())
