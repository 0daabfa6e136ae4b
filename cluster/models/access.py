"""Who may see what, and the ways in: scopes, passwords given by others, API tokens, sessions, identities.

User --+-- Scope          narrows one of the person's roles to an estate, a cluster, a site or an owner's VMs
       +-- GivenPassword  somebody else knows the password still: it opens nothing but the choice of another
       +-- SecondFactor   an authenticator app, and recovery codes for who has lost it
       +-- ApiToken       what a program shows instead of a password
       +-- SignIn         a session that is open, so that its owner can see and end it
       +-- Identity       the (issuer, subject) of an OpenID provider that stands for the person
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from cluster.models.columns import NAME_MAX
from cluster.models.inventory import Estate


class Scope(models.Model):
    """One part of the site that a role is held to; without any row a role reaches everywhere.

    Empty fields mean any.  With `cluster`, `site` or `owner` the person sees a part of an estate alone.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="scopes")
    role = models.CharField(max_length=60)
    estate = models.ForeignKey(Estate, null=True, on_delete=models.CASCADE, related_name="+")
    cluster = models.CharField(max_length=NAME_MAX, blank=True)
    site = models.CharField(max_length=NAME_MAX, blank=True)
    owner = models.CharField(max_length=NAME_MAX, blank=True)

    class Meta:
        ordering = ["role", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "role", "estate", "cluster", "site", "owner"],
                name="scope_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.estate_id or '*'}/{self.cluster}/{self.site}/{self.owner}"


class GivenPassword(models.Model):
    """The person's password was made by somebody else; the row goes when a new one is chosen."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="given_password"
    )
    given_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return str(self.person_id)


class SecondFactor(models.Model):
    """What is asked for after the password.  `secret` is sealed; `codes` are SHA-256 of recovery codes."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="second_factor"
    )
    secret = models.TextField(editable=False)
    codes = models.JSONField(default=list)
    since = models.DateTimeField(db_default=Now(), editable=False)
    last_period = models.BigIntegerField(default=0)  # digits of this half minute and before it are used up
    failures = models.PositiveIntegerField(default=0)  # in a row
    failed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.person_id)


class ApiToken(models.Model):
    """A key of a program.  The row holds its SHA-256; the key itself was shown once."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    begins = models.CharField(max_length=12, editable=False)
    actions = models.JSONField(default=list)
    networks = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_from = models.CharField(max_length=45, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class SignIn(models.Model):
    """An open session."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    began_at = models.DateTimeField(db_default=Now(), editable=False)
    source = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.person_id} {self.source}"


class Identity(models.Model):
    """Whom an OpenID provider means by a subject; names and mail addresses there may change hands."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="identity_once")]

    def __str__(self) -> str:
        return f"{self.subject} of {self.issuer}"
