"""One typed decorator for every kernel; importing this module imports numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a scalar loop on its first call and keep the machine code on disk.

    No `parallel=True`: a forked worker dies of it.
    """
    return cast(Function, njit(cache=True)(function))
