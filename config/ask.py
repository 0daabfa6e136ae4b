"""`headroom api`: one call of the interface of a running Headroom, by whoever has a token.

  headroom api GET estates
  headroom api POST estates --file site.xlsx --name Site --wait
  headroom api POST estates/1/plans '{"failures": 2}' --wait
  headroom api GET 'estates/1/report?ending=pdf' > report.pdf

HEADROOM_TOKEN is the token (page Your account), HEADROOM_URL where Headroom answers.  Exit code 0: done;
1: refused, or the run failed; 2: nobody answers.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

import requests

ROOT: Final = "/api/v1/"
USUAL_URL: Final = "http://127.0.0.1:8000"
WITHIN_S: Final = 60
LOOK_EVERY_S: Final = 1.0
ENDS: Final = ("succeeded", "failed", "cancelled")


class Site:
    """A running Headroom as a program sees it."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, where: str, **sent: Any) -> requests.Response:
        path = where if where.startswith(ROOT) else ROOT + where.lstrip("/")
        return self.session.request(method, self.url + path, timeout=WITHIN_S, **sent)

    def follow(self, where: str) -> requests.Response:
        """Look at a run until it has ended."""
        while True:
            found = self.ask("GET", where)
            if not found.ok or found.json()["state"] in ENDS:
                return found
            time.sleep(LOOK_EVERY_S)


def main(arguments: list[str]) -> int:
    asked = _parser().parse_args(arguments)
    token = os.environ.get("HEADROOM_TOKEN", "")
    if not token:
        print("HEADROOM_TOKEN is not set: make a token on the page Your account.", file=sys.stderr)
        return 2
    site = Site(os.environ.get("HEADROOM_URL", USUAL_URL), token)
    try:
        found = site.ask(asked.method.upper(), asked.path, **_sent(asked))
        if found.ok and asked.wait and "url" in (told := _json(found)):
            found = site.follow(told["url"])
    except requests.RequestException as error:
        print(f"{site.url} does not answer: {error}", file=sys.stderr)
        return 2
    sys.stdout.buffer.write(found.content)
    if found.content and not found.content.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n" if "json" in found.headers.get("Content-Type", "") else b"")
    return 0 if found.ok and _json(found).get("state") not in ENDS[1:] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="headroom api", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("method", help="GET, POST, PUT or DELETE")
    parser.add_argument("path", help="what comes after /api/v1/")
    parser.add_argument("body", nargs="?", help="JSON")
    parser.add_argument("--file", type=Path, help="a file to send: an estate, a history")
    parser.add_argument("--name", help="of the estate that the file is imported as")
    parser.add_argument("--wait", action="store_true", help="until the run that was queued has ended")
    return parser


def _sent(asked: argparse.Namespace) -> dict[str, Any]:
    if asked.file:
        field = "history" if asked.path.rstrip("/").endswith("history") else "file"
        return {
            "files": {field: (asked.file.name, asked.file.read_bytes())},
            "data": {"name": asked.name or ""},
        }
    if asked.body is None:
        return {}
    return {"data": asked.body.encode(), "headers": {"Content-Type": "application/json"}}


def _json(found: requests.Response) -> dict[str, Any]:
    """The answer where it is a JSON object; else nothing."""
    if "json" not in found.headers.get("Content-Type", ""):
        return {}
    told = found.json()
    return told if isinstance(told, dict) else {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
