"""Makes the first user, with a password that nobody has seen, and prints both once.

He lets others in, as site administrator, and may try everything that moves nothing, as buyer.
"""

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
            user.groups.set(Group.objects.filter(name__in=[Role.SITE_ADMINISTRATOR.value, Role.BUYER.value]))
        self.stdout.write(f"{USERNAME} {password}")
