"""The style attributes that Plotly writes; everything else it sets is no attribute, which a policy lets pass.

Each is a constant of its bundle: bold words of a label, the smoothing of an image, none.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Final

_RENDERINGS: Final = (
    *("optimizeSpeed", "-moz-crisp-edges", "-o-crisp-edges", "-webkit-optimize-contrast"),
    *("optimize-contrast", "crisp-edges", "pixelated"),
)
PLOTLY_STYLES: Final = (
    "font-weight:bold",
    "".join(f"image-rendering: {way}; " for way in _RENDERINGS),
    "",
)


def style_hash(text: str) -> str:
    """How a policy names one style: by its hash.

    >>> style_hash("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
