"""The settings of a test run: the shell's own, with a data folder of their own that ends with the run.

TEST_DATABASE_URL runs the whole suite on that database server instead of SQLite.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

for name in (
    "DATABASE_URL",
    "REDIS_URL",
    "BROKER_URL",
    "ALLOWED_HOSTS",
    "DEBUG",
    "STATIC_COLLECTED",
    "EMAIL_URL",
):
    os.environ.pop(name, None)  # a developer's servers are not for tests
os.environ["HEADROOM_DATA_DIR"] = tempfile.mkdtemp(prefix="headroom-test-")
atexit.register(shutil.rmtree, os.environ["HEADROOM_DATA_DIR"], ignore_errors=True)
if os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from config.settings import *  # noqa: E402, F403

AXES_ENABLED = False  # Client.login() has no request; the tests of the lockout turn it on
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a login in a test takes no 0.3 s
