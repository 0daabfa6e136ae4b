"""Every address of the shell."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.i18n import set_language

from cluster.views import oidc, sign_in
from config import health, metrics

# Programs are answered in JSON, people with a page.
handler400 = "cluster.api.door.bad_request"
handler404 = "cluster.api.door.not_found"
handler500 = "cluster.api.door.server_error"

urlpatterns = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path(
        "login/",
        sign_in.SignIn.as_view(extra_context={"openid": lambda: bool(settings.OIDC_ISSUER)}),
        name="login",
    ),
    path("logout/", login_not_required(LogoutView.as_view()), name="logout"),
    path("oidc/login/", oidc.begin, name="oidc"),
    path("oidc/back/", oidc.back, name="oidc_back"),
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    path("", include("cluster.urls")),
]
