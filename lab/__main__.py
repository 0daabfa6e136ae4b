"""`headroom lab`: real hosts, VMs and failures on this one machine, and the product at work on them.

headroom lab               build, walk, print; ends with 0 where every promise was kept, else with 1
headroom lab --fetch       only fetch what it needs, and say whether it can run here; 2: it cannot
headroom lab --json FILE   keep what was found for a program, too
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from config.child import tied_to
from lab import ground
from lab.ground import Missing

ROOT: Final = Path(__file__).resolve().parent.parent
BINDING: Final = Path("/usr/lib/python3/dist-packages/libvirt.py")
PROGRAMS: Final = {
    "ip": "iproute2",
    "gcc": "gcc libc6-dev",
    "dpkg-deb": "dpkg",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}
# Everything of the laboratory lives in these and dies with them; nothing of it can be seen from outside.
NAMESPACES: Final = (
    *("unshare", "--mount", "--pid", "--net", "--ipc", "--uts"),
    *("--fork", "--kill-child=KILL", "--mount-proc", "--"),
)
LACKING: Final = 2
INTERRUPTED, TERMINATED = 130, 143  # as shells count


def obstacle() -> str:
    """Why the laboratory cannot run here; empty: it can, once its packages are fetched."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return "The laboratory needs Linux on x86-64"
    if os.geteuid():
        return "The laboratory makes network namespaces and starts hypervisors: run it as root"
    lacking = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if not BINDING.exists():
        lacking.append("python3-libvirt")
    if lacking:
        return f"The laboratory needs: sudo apt-get install -y {' '.join(dict.fromkeys(lacking))}"
    if not Path("/dev/net/tun").exists():
        return "The laboratory needs /dev/net/tun: a container must be given it"
    tried = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True)
    if tried.returncode:
        return f"Namespaces are not permitted here: {tried.stderr.strip()}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="headroom lab", description=__doc__.splitlines()[0])
    parser.add_argument("--fetch", action="store_true", help="only fetch what it needs")
    parser.add_argument("--json", metavar="FILE", type=Path, help="keep what was found")
    asked = parser.parse_args()
    why = obstacle()
    if why:
        print(why, file=sys.stderr)
        return LACKING
    try:
        ground.ensure()
    except Missing as missing:
        print(missing, file=sys.stderr)
        return LACKING
    try:
        ground.ensure_colo()
    except Missing as missing:
        print(f"FT will not be walked: {missing}", flush=True)
    if asked.fetch:
        return 0
    return inside(*([str(asked.json.absolute())] if asked.json else []))


def inside(*arguments: str) -> int:
    """Go on inside the laboratory, and give its exit code.  Whatever ends this process ends all of it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    command = [*NAMESPACES, sys.executable, "-m", "lab.inside", *arguments]
    sys.stdout.flush()
    with subprocess.Popen(command, cwd=ROOT, preexec_fn=tied_to(os.getpid())) as laboratory:
        try:
            return laboratory.wait()
        except KeyboardInterrupt:
            return INTERRUPTED
        finally:
            laboratory.kill()  # unshare heeds nothing less


if __name__ == "__main__":
    sys.exit(main())
