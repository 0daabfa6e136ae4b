"""One line of JSON a record: when, how bad, who, what, and the request, run or operation that it belongs to.

Terminals get plain lines; files, journals and containers get these.  HEADROOM_LOGS=plain or json decides.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final

from celery import current_task

ABOUT: Final = {"cluster.tasks.carry_out": "operation"}  # what a task's first argument names; else a run


class JsonLine(logging.Formatter):
    """Writes a record as one object; line ends and control characters inside are escaped by JSON itself."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **request_and_task(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def request_and_task() -> dict[str, str]:
    """The numbers under which this line can be found together with others."""
    from cluster.asked import now_asked

    found: dict[str, str] = {}
    if number := now_asked().request_id:
        found["request"] = number
    if current_task and current_task.request.id:
        found |= {"task": current_task.name, "task_id": current_task.request.id}
        if current_task.request.args:
            found[ABOUT.get(current_task.name, "run")] = str(current_task.request.args[0])
    return found
