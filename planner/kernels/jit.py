"""One typed decorator for every kernel; importing this module imports numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba import njit

from planner.kernels.cache import cache_folder

Function = TypeVar("Function", bound=Callable[..., Any])

_FOLDER = cache_folder()
if _FOLDER is not None:
    numba.config.CACHE_DIR = str(_FOLDER)  # type: ignore[attr-defined]


def kernel(function: Function) -> Function:
    """Compile a scalar loop on its first call and keep the machine code on disk, where there is one to write.

    No `parallel=True`: a forked worker dies of it.
    """
    return cast(Function, njit(cache=_FOLDER is not None)(function))
