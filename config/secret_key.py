"""The signing key of a site: made once, kept beside its data, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

KEY_BYTES = 50  # Django's own startproject key has 50 characters; ours carries more


def read_or_make_secret_key(path: Path) -> str:
    """The key in the file; where two processes start at once, both get the one that was written first."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(KEY_BYTES))
        try:
            os.link(draft, path)  # fails where the other process was first, and never shows half a key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
