"""libvirt's Python binding, loaded when it is needed: Debian's package, for the registry has no wheel of it.

Its event loop runs in a thread of its own: without it no keepalive tells that a host has frozen, and no event
arrives.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any, Final

from operations.drivers.base import DriverError
from planner.sentence import Sentence

DEBIAN: Final = Path("/usr/lib/python3/dist-packages")
MODULES: Final = ("libvirtmod", "libvirt")  # the second imports the first
PACKAGE: Final = "python3-libvirt"

_lock = threading.Lock()
_looping_in = 0  # the process whose thread turns it: a fork takes no threads along


def loaded() -> Any:
    """Give the module `libvirt`, its event loop turning.

    Raises:
        DriverError: it is not installed, or was built for another Python.
    """
    with _lock:
        try:
            found = importlib.import_module("libvirt")
        except ImportError:
            found = _from_debian()
        _begin_loop(found)
    return found


def _from_debian() -> Any:
    """Load the two modules from where Debian keeps them, and nothing else that lies there."""
    try:
        for name in MODULES:
            spec = PathFinder.find_spec(name, [str(DEBIAN)])
            if spec is None or spec.loader is None:
                raise ImportError(name)
            module = module_from_spec(spec)
            sys.modules[name] = module
            spec.loader.exec_module(module)
    except ImportError as error:
        for name in MODULES:
            sys.modules.pop(name, None)
        raise DriverError(
            Sentence(
                "libvirt's binding for this Python {version} is missing: sudo apt-get install -y {package}",
                {"version": f"{sys.version_info.major}.{sys.version_info.minor}", "package": PACKAGE},
            ),
            permanent=True,
        ) from error
    return sys.modules["libvirt"]


def _begin_loop(libvirt: Any) -> None:
    global _looping_in
    if _looping_in == os.getpid():
        return
    libvirt.registerErrorHandler(lambda *_: None, None)  # errors are exceptions; stderr hears nothing
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_loop, args=(libvirt,), name="libvirt-events", daemon=True).start()
    _looping_in = os.getpid()


def _loop(libvirt: Any) -> None:
    while True:
        libvirt.virEventRunDefaultImpl()
