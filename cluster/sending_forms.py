"""What people type about reports by mail and about webhooks."""

from __future__ import annotations

import re
from typing import Any, Final

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cluster.exports import EXPORTS
from cluster.forms import Plain
from cluster.labels import TOLD_KINDS
from cluster.models import Estate, Schedule

RECIPIENTS_MAX: Final = 50
ADDRESS_MAX: Final = 254  # RFC 5321, 4.5.3.1.3


class ScheduleForm(Plain):
    """Which report, to whom, how often."""

    estate = forms.ModelChoiceField(Estate.objects.none(), label=_("Estate"), empty_label=None)
    kind = forms.ChoiceField(label=_("As"), choices=[(kind, kind.upper()) for kind in EXPORTS])
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    rhythm = forms.ChoiceField(
        label=_("How often"),
        choices=Schedule.Rhythm.choices,
        initial=Schedule.Rhythm.WEEKLY,
        help_text=_("At 6:00 UTC: every day, on Mondays, or on the first of the month."),
    )
    recipients = forms.CharField(
        label=_("Recipients"),
        max_length=RECIPIENTS_MAX * ADDRESS_MAX,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Addresses with a comma, a space or a line between them; each gets a mail of its own."),
    )

    def __init__(self, *args: Any, estates: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["estate"].queryset = estates

    def clean_recipients(self) -> list[str]:
        found = [one for one in re.split(r"[\s,;]+", str(self.cleaned_data["recipients"])) if one]
        if len(found) > RECIPIENTS_MAX:
            raise ValidationError(gettext("At most {count} recipients.").format(count=RECIPIENTS_MAX))
        for address in found:
            _check(address)
        if not found:
            raise ValidationError(gettext("Name at least one recipient."))
        return list(dict.fromkeys(found))


class WebhookForm(Plain):
    """Which program is told of what."""

    name = forms.CharField(label=_("Name"), max_length=255)
    url = forms.CharField(
        label=_("Address"),
        max_length=2000,
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
        help_text=_("https://, with a path where there is one; no redirect is followed."),
    )
    kinds = forms.MultipleChoiceField(
        label=_("Events"),
        required=False,
        choices=[(kind, _(name)) for kind, name in TOLD_KINDS.items()],
        initial=["done", "failed"],
        widget=forms.CheckboxSelectMultiple,
    )


def _check(address: str) -> None:
    try:
        validate_email(address)
    except ValidationError as error:
        told = gettext("{address} is no mail address.").format(address=address)
        raise ValidationError(told) from error
    domain = address.rpartition("@")[2].lower()
    allowed = [one.strip().lower() for one in settings.MAIL_DOMAINS]
    if allowed and domain not in allowed:
        raise ValidationError(
            gettext("{address}: this site mails to {domains} alone.").format(
                address=address, domains=", ".join(allowed)
            )
        )
