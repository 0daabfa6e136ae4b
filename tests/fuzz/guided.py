"""The same readers under atheris, which follows the lines that each input reaches.

    uv venv /tmp/guided && uv pip install --python /tmp/guided/bin/python -r requirements.txt atheris
    /tmp/guided/bin/python -m tests.fuzz.guided READER -max_total_time=600 [FOLDER OF FOUND INPUTS]

atheris has wheels for some of our Pythons alone (3.11 to 3.13, x86-64), so it is in no lock of ours.
libFuzzer prints the count of inputs ("Done N runs") and stops at the first crash, whose input it keeps.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["planner", "operations"]):
    from tests.fuzz.readers import readers


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("python -m tests.fuzz.guided READER: " + ", ".join(reader.name for reader in readers()))
    name, rest = sys.argv[1], sys.argv[2:]
    reader = next((reader for reader in readers() if reader.name == name), None)
    if reader is None:
        sys.exit(f"no reader {name!r}: " + ", ".join(known.name for known in readers()))
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(reader.seeds):
            (Path(folder) / f"seed{number}").write_bytes(seed)

        def one(data: bytes) -> None:
            try:
                reader.call(data)
            except reader.refuses as refusal:
                assert str(refusal)  # noqa: PT017

        places = [word for word in rest if not word.startswith("-")]
        options = [word for word in rest if word.startswith("-")]
        atheris.Setup([sys.argv[0], *options, *places, folder], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
