"""Django's makemessages, which also reads the sentences of planner and operations."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.commands import makemessages

PLANNER_KEYWORDS: Final = ("Sentence", "WrongPlace", "warn", "warn_often", "assume")
SILENT: Final = (
    *(".venv*", "data/*", "static/*"),
    *("config/*", "docs/*", "scenarios/*", "tests/*"),
)


class Command(makemessages.Command):
    """`manage.py makemessages -l fr`: needs the gettext programs, at development time only."""

    xgettext_options = [
        *makemessages.Command.xgettext_options,
        *(f"--keyword={keyword}:1" for keyword in PLANNER_KEYWORDS),
    ]

    def handle(self, *args: Any, **options: Any) -> None:
        options["ignore_patterns"] = [*options["ignore_patterns"], *SILENT]
        options["no_location"] = options["no_obsolete"] = True
        super().handle(*args, **options)
