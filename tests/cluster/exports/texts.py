"""What the tests of the exports share: a title, a moment, and texts that mean harm."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MADE_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TITLE = "Rochemarne Hospital"
HOSTILE = (
    "<script>alert(1)</script>",
    '#read("/etc/passwd") #panic() $x^2$ *bold* @ref \\ ` [ ] { }',
    '=HYPERLINK("http://x","click")',
    "@SUM(1+1)*cmd|'/c calc'!A0",
    "+1+1",
    "-2+3",
    "\t=1",
    "\r=1",
    "\0=1",
    " =1+1",
    "invoice\u202excod.exe",
    "السيرفر الرئيسي",
    "שרת ראשי",
    "数据库服务器",
    "🏥 prod 👩‍⚕️",
    "Z" + "\u0301" * 60,
    "x" * 255,
    "half a pair \ud800",
    "{count} {0} %s %(name)s",
    "[A1]:*?/\\",
    "",
    " \u3000",
)
