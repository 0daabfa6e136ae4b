"""Where compiled kernels are kept between two starts.  Standard library alone: looking costs no numba.

numba notices a change of the file that a kernel stands in, not one of the kernels that it calls.  So the
folder is named by all sources together: a change anywhere is a folder of its own.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
COMPLETE: Final = "complete"  # a file that says that every kernel is in the folder


def cache_folder() -> Path | None:
    """Give the folder for these sources: in NUMBA_CACHE_DIR where that is set, else beside them.

    None where neither can be written: then kernels are compiled anew by every process.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    for base in [Path(chosen)] if chosen else [HERE / "__pycache__"]:
        folder = base / f"kernels-{_version()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return None


def is_complete() -> bool:
    """Say whether every kernel of these sources is compiled already."""
    folder = cache_folder()
    return folder is not None and (folder / COMPLETE).exists()


def writable_beside() -> bool:
    """Say whether the checkout takes the compiled kernels."""
    beside = HERE / "__pycache__"
    return os.access(beside if beside.exists() else HERE, os.W_OK)


def _version() -> str:
    digest = sha256()
    for source in sorted(HERE.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:16]
