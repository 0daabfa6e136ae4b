"""Every setting of the shell, from the environment alone; docs/operations.md lists the variables."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

import environ
from csp.constants import NONCE, NONE, SELF, UNSAFE_HASHES
from django.utils.translation import gettext_lazy as _
from kombu import Exchange, Queue

from config import broker
from config.plotly_styles import PLOTLY_STYLES, style_hash
from config.secret_key import read_or_make_secret_key
from planner.kernels.cache import writable_beside

MIB = 1024 * 1024
BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# The data folder holds everything that is not code.
DATA_DIR = Path(env.str("HEADROOM_DATA_DIR", default=str(BASE_DIR / "data"))).absolute()
MEDIA_ROOT = DATA_DIR / "media"
UPLOAD_DIR = DATA_DIR / "uploads"
for folder in (DATA_DIR, MEDIA_ROOT, UPLOAD_DIR):
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
if not writable_beside():
    # A read-only checkout cannot keep compiled kernels; the worker makes them here, at its first start.
    os.environ.setdefault("NUMBA_CACHE_DIR", str(DATA_DIR / "kernels"))

# Safety
SECRET_KEY = env.str("SECRET_KEY", default="") or read_or_make_secret_key(DATA_DIR / "secret-key")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # the former ones, while sessions last
DEBUG = env.bool("DEBUG", default=False)
METRICS_TOKEN = env.str("HEADROOM_METRICS_TOKEN", default="")  # empty: there is no /metrics
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BEHIND_HTTPS = env.bool("BEHIND_HTTPS", default=False)  # a proxy in front speaks HTTPS and says so
if BEHIND_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = ["^livez$", "^readyz$"]  # asked from inside, without the proxy
    SECURE_HSTS_SECONDS = 31_536_000  # a year
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SILENCED_SYSTEM_CHECKS = ["security.W021"]  # a site of an intranet is on no browser's preload list
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
if BEHIND_HTTPS:  # no other host of the domain can set these
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True  # scripts read the token from the page
CSRF_FAILURE_VIEW = "cluster.entering.without_csrf"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_IDLE_S = env.int("SESSION_IDLE_MINUTES", default=30) * 60  # without a click
SESSION_LONGEST_S = env.int("SESSION_LONGEST_HOURS", default=8) * 3600  # a working day
SESSION_COOKIE_AGE = SESSION_LONGEST_S
# How much a minute allows; the counters are in the broker.
SIGN_INS_PER_MINUTE = env.int("SIGN_INS_PER_MINUTE", default=30)  # from one address
CHANGES_PER_MINUTE = env.int("CHANGES_PER_MINUTE", default=240)  # by one person
API_CALLS_PER_MINUTE = env.int("API_CALLS_PER_MINUTE", default=600)  # with one token
# Roles that are to be kept apart; where a site is too small for that, every page says so.
ALLOW_ROLE_CONFLICTS = env.bool("HEADROOM_ALLOW_ROLE_CONFLICTS", default=False)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "script-src-attr": [NONE],
        "style-src-elem": [SELF],
        "style-src-attr": [UNSAFE_HASHES, *map(style_hash, PLOTLY_STYLES)],  # these texts, and no other
        "img-src": [SELF, "data:", "blob:"],  # Plotly's camera button draws through a blob
        "connect-src": [SELF],  # includes the WebSocket of the same host
        "font-src": [SELF],
        "worker-src": ["blob:"],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# Applications
INSTALLED_APPS = [
    "config.apps.ConfigApp",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "django_htmx",
    "django_filters",
    "django_tables2",
    "csp",
    "axes",
    "cluster",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.static_files.StaticFiles",
    "cluster.asked.note_request",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "cluster.entering.enter",
    "cluster.pace.keep_pace",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "cluster.gates.pass_gate",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ]
        },
    }
]

# Login
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # of earlier versions: opened once, then kept anew
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: who is locked out is asked for no password
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = env.int("LOCKOUT_AFTER", default=5)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("LOCKOUT_MINUTES", default=15))
# A person and an address together: nobody is locked out of his account by somebody elsewhere.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "cluster.asked.sender_of"
AXES_LOCKOUT_CALLABLE = "cluster.views.people.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # the audit notes sign-ins
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False

# Roles that nobody has by a password alone; docs/sign-in.md
SECOND_FACTOR_ROLES = env.list("SECOND_FACTOR_ROLES", default=[])

# Somebody else vouches for people: an OpenID provider, a directory (docs/sign-in.md)
OIDC_ISSUER = env.str("OIDC_ISSUER", default="")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_SCOPE = env.str("OIDC_SCOPE", default="openid profile")
OIDC_NAME_CLAIM = env.str("OIDC_NAME_CLAIM", default="preferred_username")
OIDC_GROUPS_CLAIM = env.str("OIDC_GROUPS_CLAIM", default="groups")
OIDC_ROLES = env.json("OIDC_ROLES", default={})  # {"group": "role"}
LDAP_URL = env.str("LDAP_URL", default="")
LDAP_ROLES = env.json("LDAP_ROLES", default={})  # {"cn=group,dc=..": "role"}
if LDAP_URL:
    from config.directory import settings_of

    globals().update(settings_of(env, LDAP_URL))
    AUTHENTICATION_BACKENDS.append("cluster.directory.Directory")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Database: SQLite in the data folder until DATABASE_URL names PostgreSQL.
_database = (
    env.db_url("DATABASE_URL")
    if env.str("DATABASE_URL", default="")
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "headroom.sqlite3"}
)
DATABASES = {"default": _database}
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # The three together bring "database is locked" from 17-83 % of the writes of four processes to none.
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
elif _database["ENGINE"] == "django.db.backends.postgresql":
    _statement_timeout_s = env.int("DATABASE_STATEMENT_TIMEOUT_S", default=300)
    _database.setdefault("OPTIONS", {})["options"] = (
        f"-c lock_timeout=5s -c statement_timeout={_statement_timeout_s}s"
        " -c idle_in_transaction_session_timeout=60s"
    )

# Connections to hypervisors: nowhere until the site lists its networks; the key of their passwords is a file
# beside the database, never inside it, and no part of a backup.
CONNECTION_NETWORKS = env.list("HEADROOM_CONNECTION_NETWORKS", default=[])
CONNECTION_KEY_FILE = Path(env.str("HEADROOM_CONNECTION_KEY_FILE", default=str(DATA_DIR / "connection-key")))
FENCE_PROGRAM = env.str("HEADROOM_FENCE_PROGRAM", default="")  # empty: no libvirt host is ever fenced
CONNECTION_CA_FILE = env.str("HEADROOM_CONNECTION_CA_FILE", default="")  # empty: the machine's own store

# Mail: none until EMAIL_URL names a server.  Webhooks: nowhere until the site lists its networks.
EMAIL_URL = env.str("EMAIL_URL", default="")
MAIL_ON = bool(EMAIL_URL)
if MAIL_ON:
    globals().update(env.email_url("EMAIL_URL"))
EMAIL_TIMEOUT = 30  # seconds, of one answer of the server
DEFAULT_FROM_EMAIL = env.str("HEADROOM_MAIL_FROM", default="headroom@localhost")
MAIL_DOMAINS = env.list("HEADROOM_MAIL_DOMAINS", default=[])  # empty: to any domain
WEBHOOK_NETWORKS = env.list("HEADROOM_WEBHOOK_NETWORKS", default=[])
WEBHOOK_CA_FILE = env.str("HEADROOM_WEBHOOK_CA_FILE", default="")  # empty: the machine's own store

# Broker and live feed: the embedded server until REDIS_URL names another.
AUDIT_WITNESS_FILE = Path(env.str("HEADROOM_AUDIT_WITNESS_FILE", default=str(DATA_DIR / "audit-heads")))
REDIS_URL = env.str("REDIS_URL", default="") or broker.redis_url(DATA_DIR)
FEED_URL = REDIS_URL  # redis-py's spelling; the feed is one subscription a process, no channel layer
CELERY_BROKER_URL = broker.celery_url(env.str("BROKER_URL", default="") or REDIS_URL)

_VISIBILITY_TIMEOUT_S = 3600  # longer than two of the longest tasks, so that none is delivered twice
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": _VISIBILITY_TIMEOUT_S,
    "unacked_restore_throttle": 1,  # the default of 10 delays a redelivery by 100 s
    "queue_order_strategy": "priority",  # a free worker looks into its queues in the order they were named
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": _VISIBILITY_TIMEOUT_S}
CELERY_VISIBILITY_TIMEOUT = _VISIBILITY_TIMEOUT_S
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # the broker comes back: wait for it
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True  # the run's row is the truth
CELERY_TASK_ACKS_LATE = True  # tasks are pure and safe to run twice; a lost worker loses none
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 1800
CELERY_TASK_SOFT_TIME_LIMIT = 1740
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500  # a new child may keep a task waiting for 5 s
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_500_000  # KiB; a large import leaves its memory with the child
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# By kind of work, so that a long import is never in the way of a sweep or a question (docs/operations.md).
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_QUEUES = [  # what a worker takes from that is told of none, in this order
    Queue(name, Exchange(name), routing_key=name) for name in ("care", "act", "quick", "long", "celery")
]
CELERY_TASK_ROUTES = {
    "cluster.tasks.sweep_lost_runs": {"queue": "care"},
    "cluster.tasks.reconcile_operations": {"queue": "care"},
    "cluster.tasks.refresh_due": {"queue": "care"},
    "cluster.tasks.forget_old_events": {"queue": "care"},
    "cluster.tasks.witness_audit": {"queue": "care"},
    "cluster.tasks.mail_reports": {"queue": "care"},
    "cluster.tasks.send_letters": {"queue": "care"},
    "cluster.tasks.tell_webhooks": {"queue": "care"},
    "cluster.tasks.carry_out": {"queue": "act"},
    "cluster.tasks.abort_operation": {"queue": "care"},  # never behind what it is to stop
    "cluster.tasks.make_plan": {"queue": "quick"},
    "cluster.tasks.make_study": {"queue": "quick"},
    "cluster.tasks.rehearse": {"queue": "quick"},
    "cluster.tasks.price_estate": {"queue": "quick"},
    "cluster.tasks.tell_webhook": {"queue": "quick"},
    "cluster.tasks.fit_migrations": {"queue": "quick"},
    "cluster.tasks.write_letters": {"queue": "long"},
    "cluster.tasks.import_estate": {"queue": "long"},
    "cluster.tasks.refresh_estate": {"queue": "long"},
    "cluster.tasks.drill": {"queue": "long"},
    "cluster.tasks.examine_wiring": {"queue": "long"},
    "cluster.tasks.play_years": {"queue": "long"},
}
EVENTS_KEEP_DAYS = env.int(
    "HEADROOM_EVENTS_KEEP_DAYS", default=365
)  # 0: for ever; the audit is kept in any case
CELERY_BEAT_SCHEDULE = {
    "forget-old-events": {
        "task": "cluster.tasks.forget_old_events",
        "schedule": 24 * 3600.0,
        "options": {"expires": 3600},
    },
    "witness-audit": {
        "task": "cluster.tasks.witness_audit",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "sweep-lost-runs": {
        "task": "cluster.tasks.sweep_lost_runs",
        "schedule": 15.0,
        "options": {"expires": 15},  # a stopped worker does not find a heap of sweeps
    },
    "reconcile-operations": {
        "task": "cluster.tasks.reconcile_operations",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "fit-migrations": {
        "task": "cluster.tasks.fit_migrations",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "mail-reports": {
        "task": "cluster.tasks.mail_reports",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "send-letters": {
        "task": "cluster.tasks.send_letters",
        "schedule": 20.0,
        "options": {"expires": 20},
    },
    "tell-webhooks": {
        "task": "cluster.tasks.tell_webhooks",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "refresh-what-is-due": {
        "task": "cluster.tasks.refresh_due",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
}

# Uploads stream to the data folder; nothing of them stays in memory.
UPLOAD_LIMIT_BYTES = env.int("UPLOAD_LIMIT_MIB", default=500) * MIB
FILE_UPLOAD_TEMP_DIR = UPLOAD_DIR
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
MEDIA_URL = "/media/"  # never served: a view that knows the reader's rights streams the file

# Static files: collected, hashed and compressed by `headroom up`; straight from static/ otherwise.
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_COLLECTED = env.bool("STATIC_COLLECTED", default=False) and not DEBUG
STATIC_ROOT = DATA_DIR / "static" if STATIC_COLLECTED else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not STATIC_COLLECTED

# Languages and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

_logs = env.str("HEADROOM_LOGS", default="plain" if sys.stderr.isatty() else "json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "config.legible_log.OneLine",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
        "json": {"()": "config.json_log.JsonLine"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": _logs}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "cluster": {"level": "INFO"},
        "config": {"level": "INFO"},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "django.request": {"level": "ERROR"},  # an address that does not exist is no event
    },
}
