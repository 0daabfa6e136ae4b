"""What people type of connections, and of operations on what they reach."""

from __future__ import annotations

from typing import Any, Final, Self

from django import forms
from django.utils.translation import gettext_lazy as _

from cluster.forms import Plain
from cluster.models import Connection, Operation
from cluster.reach import visible_to
from operations.preflight import in_blackout

HTTPS_PORT: Final = 443
PROXMOX_PORT: Final = 8006
URIS_MAX: Final = 100_000  # characters: some hundred hosts


class ConnectionForm(Plain):
    """A new connection.  The password is sealed when it arrives and stands on no page again."""

    name = forms.CharField(label=_("Name, and name of the estate"), max_length=255)
    kind = forms.ChoiceField(label=_("Kind"), choices=Connection.Kind.choices)
    host = forms.CharField(
        label=_("Server"), max_length=253, required=False,
        help_text=_("vCenter, ESXi or a node of a Proxmox VE cluster: a name or an address."),
    )  # fmt: skip
    uris = forms.CharField(
        label=_("Hosts of libvirt, a line each"), max_length=URIS_MAX, required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_(
            "For libvirt alone: a name, a URI and, where migrations arrive at another address, that one: "
            "h1 qemu+ssh://headroom@h1.example/system 10.0.0.1"
        ),
    )  # fmt: skip
    port = forms.IntegerField(
        label=_("Port"), min_value=1, max_value=65535, required=False,
        help_text=_("Left empty: 443 for vSphere, 8006 for Proxmox VE."),
    )  # fmt: skip
    username = forms.CharField(
        label=_("User"), max_length=255, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("An account that may only read is enough to read. Proxmox VE: a token, user@realm!name."),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Password, or the token's secret"),
        strip=False,
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )
    fingerprint = forms.RegexField(
        r"^([0-9A-Fa-f]{2}:?){32}$",
        label=_("Fingerprint of the certificate, SHA-256"),
        required=False,
        help_text=_("Left empty, the certificate has to be trusted by this machine."),
    )
    refresh_minutes = forms.IntegerField(
        label=_("Read again every so many minutes"), min_value=5, max_value=10080, required=False,
        help_text=_("Left empty: only when asked."),
    )  # fmt: skip
    may_act = forms.BooleanField(label=_("May act; otherwise every operation is a dry run"), required=False)
    four_eyes = forms.BooleanField(
        label=_("Another person approves each operation"), required=False, initial=True
    )
    blackout = forms.CharField(
        label=_("Nothing begins during"), max_length=255, required=False,
        help_text="mon-fri 08:00-18:00, sun 00:00-24:00",
    )  # fmt: skip
    moves_per_host = forms.IntegerField(
        label=_("Migrations of a host at once"), min_value=1, max_value=8, initial=2
    )

    keeps_password = False  # the one that there is, where none is typed

    @classmethod
    def of(cls, connection: Connection, typed: Any = None) -> Self:
        """The form that shows a connection: all but its password, which may be left as it is."""
        shown = {name: getattr(connection, name) for name in cls.base_fields if name != "password"}
        form = cls(typed, initial=shown)
        form.keeps_password = True
        form.fields["name"].disabled = True  # the estate that is read bears it
        return form

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == Connection.Kind.LIBVIRT:
            self._want(("uris",))
            return cleaned | {"host": "", "port": 0, "fingerprint": ""}
        self._want(("host", "username") if self.keeps_password else ("host", "username", "password"))
        cleaned["uris"] = ""
        is_proxmox = cleaned.get("kind") == Connection.Kind.PROXMOX
        if cleaned.get("port") is None:
            cleaned["port"] = PROXMOX_PORT if is_proxmox else HTTPS_PORT
        user, _mark, token = str(cleaned.get("username", "")).partition("!")
        if is_proxmox and cleaned.get("username") and not ("@" in user and token):
            self.add_error("username", _("Proxmox VE wants a token here, such as headroom@pve!reader."))
        return cleaned

    def _want(self, names: tuple[str, ...]) -> None:
        """Complain of what this kind needs and nobody typed."""
        for name in names:
            if not self.cleaned_data.get(name) and name not in self.errors:
                self.add_error(name, self.fields[name].error_messages["required"])

    def clean_blackout(self) -> str:
        text = str(self.cleaned_data["blackout"])
        try:
            in_blackout(text, 0, 0)
        except ValueError as error:
            raise forms.ValidationError(_("Not a list of windows such as mon-fri 08:00-18:00.")) from error
        return text


class OperationForm(Plain):
    """An operation to propose."""

    connection = forms.ModelChoiceField(label=_("Connection"), queryset=Connection.objects.none())
    kind = forms.ChoiceField(label=_("Operation"), choices=Operation.Kind.choices)
    subject = forms.CharField(
        label=_("VM, or the host of a maintenance"), max_length=255, help_text=_("Its name, as it was read.")
    )
    destination = forms.CharField(
        label=_("To host"), max_length=255, required=False,
        help_text=_("For a migration, or a restart on another host."),
    )  # fmt: skip
    post_copy = forms.BooleanField(
        label=_(
            "With post-copy (libvirt): ends for sure; a host or network that fails meanwhile ends the VM"
        ),
        required=False,
    )
    real = forms.BooleanField(label=_("Really do it; otherwise a dry run"), required=False)

    def __init__(self, *args: Any, reader: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["connection"].queryset = visible_to(reader, Connection)
