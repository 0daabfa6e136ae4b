"""Makes the first user, a site administrator with a password that nobody has seen, and prints both once."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand
from django.db import transaction

from cluster.models import FeedCounter
from cluster.roles import Role

USERNAME = "headroom"
PASSWORD_BYTES = 15  # 120 bits, 20 characters


class Command(BaseCommand):
    help = "Make the first user and print its name and password; print nothing where there is a user."

    def handle(self, *args: Any, **options: Any) -> None:
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        with transaction.atomic():
            FeedCounter.objects.select_for_update().get()  # two first starts make one user
            if User.objects.exists():
                return
            user = User.objects.create_user(USERNAME, password=password)
            user.groups.add(Group.objects.get(name=Role.SITE_ADMINISTRATOR.value))
        self.stdout.write(f"{USERNAME} {password}")
