"""A password and an app: asked for in every sign-in, good once, and never a way around it."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from cluster import second_factor, sessions
from cluster.entering import listen
from cluster.gates import GATES
from cluster.models import AuditEntry, GivenPassword, Identity, SecondFactor, SignIn
from cluster.roles import Role
from cluster.services import Refused
from cluster.sign_in_steps import AIM_MAX, CHOOSE, HELD, PROVE, SET_UP, WHILE_HELD
from tests.cluster.conftest import Site
from tests.cluster.people import PASSWORD, person, site_administrator, with_password

pytestmark = pytest.mark.django_db
NOW = 1_764_400_000  # a moment within a step, 20 s after it began


class App:
    """The app on a phone, the clock of both, and the recovery codes beside it."""

    def __init__(self, secret: str, clock: list[float]) -> None:
        self.totp, self.clock = pyotp.TOTP(secret), clock
        self.codes: list[str] = []

    def shows(self, steps_on: int = 0) -> str:
        return self.totp.at(int(self.clock[0]) + 30 * steps_on)

    def wait(self, steps: int = 1) -> None:
        self.clock[0] += 30 * steps


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [float(NOW)]
    monkeypatch.setattr(second_factor, "time", lambda: clock[0])
    return clock


@pytest.fixture
def ada() -> User:
    return with_password(person(Role.AUDITOR))


@pytest.fixture
def app(ada: User, clock: list[float]) -> App:
    app = App(second_factor.new_secret(), clock)
    app.codes = second_factor.set_up(ada, app.totp.secret, app.shows())
    app.wait()
    return app


def at_the_code(ada: User) -> Client:
    """A browser that has given the password."""
    client = Client()
    assert client.post("/login/", {"username": ada.username, "password": PASSWORD}).status_code == 302
    return client


def prove(client: Client, code: str) -> int:
    return client.post("/code/", {"code": code}).status_code


def deeds() -> list[str]:
    return list(AuditEntry.objects.order_by("seq").values_list("deed", flat=True))


def test_the_digits_are_those_of_the_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B, SHA-1: 94287082 at 59 s, six of them
    monkeypatch.setattr(second_factor, "time", lambda: 59.0)
    assert second_factor._period_of(secret, "287082", 0) == 1
    monkeypatch.setattr(second_factor, "time", lambda: 1111111109.0)
    assert second_factor._period_of(secret, "081 804", 0) == 1111111109 // 30
    assert second_factor._period_of(secret, "81804", 0) is None


def test_it_is_set_up_by_who_has_read_the_picture(ada: User, clock: list[float]) -> None:
    client = at_the_code(ada)
    page = client.get("/account/second-factor/").content.decode()
    secret = re.search(r"<code>([A-Z2-7 ]{39})</code>", page)[1].replace(" ", "")
    assert "<svg" in page
    app = App(secret, clock)
    assert client.post("/account/second-factor/", {"code": "000000"}).status_code == 400
    assert secret in client.get("/account/second-factor/").content.decode().replace(" ", "")  # the same offer
    done = client.post("/account/second-factor/", {"code": app.shows()}).content.decode()
    codes = re.findall(r"<code>([a-z2-7-]{29})</code>", done)
    assert len(set(codes)) == second_factor.CODES
    row = SecondFactor.objects.get()
    kept = f"{row.secret} {row.codes}"
    assert secret not in kept
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    assert (
        client.get("/account/second-factor/").status_code == 302
    )  # there is one: its secret is not shown again
    assert "10 recovery codes are left" in client.get("/account/").content.decode()
    assert "set up a second factor" in deeds()


def test_the_password_alone_opens_the_question_for_the_code_and_nothing_else(ada: User, app: App) -> None:
    client = at_the_code(ada)
    for address in ("/", "/password/", "/account/", "/account/second-factor/", "/events/", "/nowhere/"):
        assert client.get(address).headers["Location"] == "/code/", address
    for address in ("/account/second-factor/remove/", "/account/tokens/", "/password/"):
        assert client.post(address, {"code": app.shows()}).headers["Location"] == "/code/"
    assert client.get("/api/v1/estates").status_code == 403
    assert client.get("/runs/?state=failed").headers["Location"] == "/code/"
    before = client.session.session_key
    answer = client.post("/code/", {"code": app.shows()})
    assert client.session.session_key != before
    assert before not in SignIn.objects.values_list("session_key", flat=True)
    assert SignIn.objects.get().session_key == client.session.session_key
    assert answer.headers["Location"] == "/runs/?state=failed"  # where he was going
    assert client.get("/").status_code == 200
    assert deeds()[-2:] == ["signed in", "proved the second factor"]
    assert client.get("/code/").headers["Location"] == "/account/"  # nothing left to prove


def test_digits_are_good_once_and_for_a_minute_and_a_half(ada: User, app: App) -> None:
    first, second = at_the_code(ada), at_the_code(ada)
    digits = app.shows()
    assert prove(first, digits) == 302
    assert prove(second, digits) == 400
    app.wait(3)
    assert prove(second, app.shows(-2)) == 400
    assert prove(second, app.shows(+2)) == 400
    assert prove(second, app.shows(-1)) == 302
    assert prove(at_the_code(ada), app.shows(+1)) == 302
    assert prove(at_the_code(ada), app.shows()) == 400  # an earlier step than one that was used


def test_a_recovery_code_is_good_once_however_it_is_typed(ada: User, app: App) -> None:
    code = app.codes[3]
    assert prove(at_the_code(ada), f" {code.upper().replace('-', ' ')} ") == 302
    assert prove(at_the_code(ada), code) == 400
    assert len(SecondFactor.objects.get().codes) == second_factor.CODES - 1
    assert AuditEntry.objects.get(deed="used a recovery code").after == {"left": 9}


@pytest.mark.parametrize(
    "wrong", ["", "12345", "1234567", "１２３４５６", "x" * 60, "x" * 61, "\0", "-", "٣" * 6]
)
def test_nonsense_proves_nothing(ada: User, app: App, wrong: str) -> None:
    client = at_the_code(ada)
    assert prove(client, wrong) == 400
    assert client.get("/").headers["Location"] == "/code/"


def test_who_guesses_is_stopped_from_wherever_he_comes(ada: User, app: App, settings: Any) -> None:
    for n in range(second_factor.TRIES):
        client = Client(REMOTE_ADDR=f"10.0.0.{n}")
        client.post("/login/", {"username": ada.username, "password": PASSWORD})
        assert prove(client, "000000") == 400
    last = at_the_code(ada)
    page = last.post("/code/", {"code": app.shows()})  # not even the right one
    assert "none is good for 15 minutes" in page.content.decode()
    assert "locked out after failed sign-ins" in deeds()
    assert deeds().count("second factor refused") == second_factor.TRIES
    SecondFactor.objects.update(failed_at=timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1))
    assert prove(at_the_code(ada), "000000") == 400  # after the wait one wrong one is one
    assert SecondFactor.objects.get().failures == 1
    assert prove(at_the_code(ada), app.shows()) == 302
    assert SecondFactor.objects.get().failures == 0


SPEND = """
from django.contrib.auth.models import User
from cluster import second_factor
from cluster.services import Refused
ada = User.objects.get(username="ada")
codes = input().split()
let_in = 0
for code in codes:
    try:
        second_factor.spend(ada, code)
        let_in += 1
    except Refused:
        pass
print(let_in, flush=True)
"""


def test_of_many_that_come_at_once_with_one_code_one_is_let_in(any_site: Site) -> None:
    codes = any_site.run(
        """
        import time
        import pyotp
        from django.contrib.auth.models import User
        from cluster import second_factor
        secret = second_factor.new_secret()
        ada = User.objects.create_user("ada")
        app = pyotp.TOTP(secret)
        codes = second_factor.set_up(ada, secret, app.now())
        print(*codes[:3], app.at(time.time() + 30))
        """
    )
    browsers = [any_site.start(SPEND) for _ in range(4)]
    for browser in browsers:
        browser.stdin.write(f"{codes}\n")
        browser.stdin.flush()
    let_in = sum(int(browser.stdout.readline()) for browser in browsers)
    assert 1 <= let_in <= 4  # five wrong ones in a row end it, who else comes with them is shut out
    left = any_site.run(
        "from cluster.models import SecondFactor\nprint(len(SecondFactor.objects.get().codes))"
    )
    assert let_in - 1 <= second_factor.CODES - int(left) <= let_in  # each once, and the digits


def test_it_is_given_up_with_a_code_alone(ada: User, app: App) -> None:
    client = at_the_code(ada)
    assert prove(client, app.shows()) == 302
    app.wait()
    assert client.post("/account/second-factor/remove/", {"factor-code": "000000"}).status_code == 400
    renewed = client.post("/account/second-factor/codes/", {"codes-code": app.shows()}).content.decode()
    new = re.findall(r"<code>([a-z2-7-]{29})</code>", renewed)
    assert len(new) == second_factor.CODES
    with pytest.raises(Refused):
        second_factor.give_up(ada, app.codes[0])  # the former ones
    assert client.post("/account/second-factor/remove/", {"factor-code": new[0]}).status_code == 302
    assert at_the_code(ada).get("/").status_code == 200
    assert deeds()[-2:] == ["removed a second factor", "signed in"]
    assert deeds().count("made new recovery codes") == 1


def test_a_site_administrator_takes_away_what_is_lost_and_nobody_else(ada: User, app: App) -> None:
    theirs = Client()
    theirs.force_login(person(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR))
    assert theirs.post(f"/people/{ada.pk}/second-factor/remove/").status_code in (403, 404)
    chief = Client()
    chief.force_login(site_administrator())
    assert "Take the second factor away" in chief.get("/people/").content.decode()
    assert chief.post(f"/people/{ada.pk}/second-factor/remove/").status_code == 200
    assert not SecondFactor.objects.exists()
    entry = AuditEntry.objects.get(deed="removed a second factor")
    assert (entry.actor, entry.subject) == (site_administrator().username, ada.username)


def test_a_role_that_asks_for_it_leads_to_setting_it_up(ada: User, clock: list[float], settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = [Role.AUDITOR.value]
    client = at_the_code(ada)
    assert client.get("/").headers["Location"] == "/account/second-factor/"
    page = client.get("/account/second-factor/").content.decode()
    assert "Your role asks for more than a password" in page
    secret = re.search(r"<code>([A-Z2-7 ]{39})</code>", page)[1].replace(" ", "")
    app = App(secret, clock)
    done = client.post("/account/second-factor/", {"code": app.shows()})
    assert done.status_code == 200
    assert client.get("/").status_code == 200
    app.wait()
    again = at_the_code(ada)
    assert again.get("/").headers["Location"] == "/code/"
    other = Client()
    other.force_login(person(Role.BUYER))
    assert other.get("/").status_code == 200


def test_a_role_that_comes_later_asks_for_it_at_the_next_click(ada: User, clock: Any, settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = [Role.BUYER.value]
    client = at_the_code(ada)
    assert client.get("/").status_code == 200
    ada.groups.add(Group.objects.get_or_create(name=Role.BUYER.value)[0])
    assert client.get("/runs/").headers["Location"] == "/account/second-factor/"


def test_a_session_that_nobody_looked_at_is_looked_at(ada: User, app: App) -> None:
    client = at_the_code(ada)
    session = client.session
    del session[HELD]  # as those of an earlier version are
    session.save()
    assert client.get("/").headers["Location"] == "/code/"


@pytest.mark.parametrize("end", ["deactivated", "removed"])
def test_a_session_that_was_anothers_is_no_way_round(ada: User, app: App, end: str) -> None:
    """Django empties such a session while it signs in, and it has no key for a moment."""
    other = User.objects.create_user("bob", password=PASSWORD)
    client = Client()
    client.force_login(other)
    if end == "removed":
        other.delete()
    else:
        User.objects.filter(pk=other.pk).update(is_active=False)
    assert client.post("/login/", {"username": ada.username, "password": PASSWORD}).status_code == 302
    assert client.get("/").headers["Location"] == "/code/"
    assert prove(client, app.shows()) == 302
    assert client.get("/").status_code == 200
    assert SignIn.objects.filter(person=ada).count() == 1


def test_the_factor_comes_before_the_choice_of_a_password(ada: User, app: App) -> None:
    GivenPassword.objects.create(person=ada)
    client = at_the_code(ada)
    assert client.get("/password/").headers["Location"] == "/code/"
    assert client.post("/code/", {"code": app.shows()}).headers["Location"] == "/password/"
    assert client.get("/").headers["Location"] == "/password/"


def test_the_digits_that_set_it_up_are_used_up(ada: User, clock: list[float]) -> None:
    app = App(second_factor.new_secret(), clock)
    second_factor.set_up(ada, app.totp.secret, app.shows())
    assert prove(at_the_code(ada), app.shows()) == 400


@pytest.mark.parametrize(
    "address",
    [
        "/%2Fevil.example/",
        "//evil.example/",
        f"/?{'x' * AIM_MAX}",
        "/nowhere/",
        "/oidc/back/?code=1",
    ],
)
def test_the_way_on_stays_on_this_site_and_is_a_page_of_it(ada: User, app: App, address: str) -> None:
    client = at_the_code(ada)
    client.get(address)
    assert client.post("/code/", {"code": app.shows()}).headers["Location"] == "/"


def test_what_a_page_asks_for_by_itself_is_not_where_one_was_going(ada: User, app: App) -> None:
    client = at_the_code(ada)
    client.get("/runs/")
    client.get("/events/", headers={"HX-Request": "true"})
    assert client.post("/code/", {"code": app.shows()}).headers["Location"] == "/runs/"


def test_whoever_has_the_password_alone_ends_no_session_of_its_owner(ada: User, app: App) -> None:
    owner = at_the_code(ada)
    assert prove(owner, app.shows()) == 302
    for _ in range(sessions.MOST + 1):
        at_the_code(ada)
    assert owner.get("/").status_code == 200
    assert SignIn.objects.count() == 1


def test_a_step_that_is_none_any_more_holds_nobody(ada: User, app: App, settings: Any) -> None:
    waiting = at_the_code(ada)
    second_factor.remove("", ada)
    assert waiting.get("/code/").headers["Location"] == "/"
    assert waiting.get("/").status_code == 200
    settings.SECOND_FACTOR_ROLES = [Role.AUDITOR.value]
    waiting = at_the_code(ada)
    assert waiting.get("/").headers["Location"] == "/account/second-factor/"
    second_factor.set_up(ada, app.totp.secret, app.shows())
    assert waiting.get("/account/second-factor/").headers["Location"] == "/code/"
    app.wait()
    assert prove(waiting, app.shows()) == 302
    assert waiting.get("/").status_code == 200


def test_another_key_file_leaves_the_recovery_codes(
    ada: User, app: App, settings: Any, tmp_path: Path
) -> None:
    settings.CONNECTION_KEY_FILE = tmp_path / "another"
    for content in (None, b"", b"not base 64", "é".encode(), b"\xff\xfe"):
        if content is not None:
            settings.CONNECTION_KEY_FILE.write_bytes(content)
        assert prove(at_the_code(ada), app.shows()) == 400
        assert prove(at_the_code(ada), app.codes.pop()) == 302


def test_setting_it_up_ends_the_other_sessions(ada: User, clock: list[float]) -> None:
    other, client = at_the_code(ada), at_the_code(ada)
    page = client.get("/account/second-factor/").content.decode()
    app = App(re.search(r"<code>([A-Z2-7 ]{39})</code>", page)[1].replace(" ", ""), clock)
    assert client.post("/account/second-factor/", {"code": app.shows()}).status_code == 200
    assert client.get("/account/").status_code == 200
    assert other.get("/").status_code == 302


def test_who_manages_people_gives_up_his_own_with_a_code(clock: list[float]) -> None:
    chief = site_administrator()
    app = App(second_factor.new_secret(), clock)
    second_factor.set_up(chief, app.totp.secret, app.shows())
    with pytest.raises(Refused, match="with a code"):
        second_factor.take_from(chief, chief)
    with pytest.raises(PermissionDenied):
        second_factor.take_from(person(Role.BUYER), chief)
    assert SecondFactor.objects.count() == 1


def test_programs_of_administrators_see_who_has_one_and_take_it_away(ada: User, app: App) -> None:
    chief = Client()
    chief.force_login(site_administrator())
    rows = chief.get("/api/v1/people").json()["rows"]
    assert {row["username"]: row["second_factor"] for row in rows}[ada.username] is True
    assert chief.delete(f"/api/v1/people/{ada.pk}/second-factor").status_code == 204
    assert not SecondFactor.objects.exists()


def test_a_factor_set_up_meanwhile_is_asked_for_before_a_password_is_chosen(ada: User, app: App) -> None:
    """Of whoever waits with a password that he was given, while its owner came by another way."""
    SecondFactor.objects.all().delete()
    GivenPassword.objects.create(person=ada)
    waiting = at_the_code(ada)
    assert waiting.get("/").headers["Location"] == "/password/"
    second_factor.set_up(ada, app.totp.secret, app.shows())
    new = {"old_password": PASSWORD, "new_password1": PASSWORD + "!", "new_password2": PASSWORD + "!"}
    assert waiting.post("/password/", new).headers["Location"] == "/code/"
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_who_gives_up_what_his_role_asks_for_is_asked_at_the_next_click(
    ada: User, app: App, settings: Any
) -> None:
    settings.SECOND_FACTOR_ROLES = [Role.AUDITOR.value]
    client = at_the_code(ada)
    assert prove(client, app.shows()) == 302
    assert client.post("/account/second-factor/remove/", {"factor-code": app.codes[0]}).status_code == 302
    assert client.get("/").headers["Location"] == "/account/second-factor/"
    ada.groups.clear()
    assert client.get("/").status_code == 200  # no role, and so no step any more


def test_a_factor_that_is_taken_away_ends_the_sessions_that_it_opened(ada: User, app: App) -> None:
    client = at_the_code(ada)
    assert prove(client, app.shows()) == 302
    second_factor.take_from(site_administrator(), ada)
    assert client.get("/").headers["Location"].startswith("/login/")


def test_who_has_no_password_here_is_led_in_no_circle(ada: User, clock: Any, settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = [Role.AUDITOR.value]
    Identity.objects.create(person=ada, issuer="https://id.example", subject="1")
    ada.set_unusable_password()
    ada.save()
    client = Client()
    client.force_login(ada)  # as a session of before, or one of a directory
    assert client.get("/").headers["Location"] == "/account/second-factor/"
    assert client.get("/account/second-factor/").status_code == 200


def test_a_sign_in_that_is_not_completed_in_ten_minutes_begins_anew(
    ada: User, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = at_the_code(ada)
    began = time.time()
    for minutes, answer in ((4, "/code/"), (8, "/code/"), (11, "/login/?next=/")):
        monkeypatch.setattr("cluster.entering.time.time", lambda m=minutes: began + m * 60)
        assert client.get("/").headers["Location"] == answer


def test_a_session_is_still_listed_when_the_key_that_signs_it_changes(ada: User, settings: Any) -> None:
    client = at_the_code(ada)
    before = client.session.session_key
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "n" * 60
    assert client.get("/").status_code == 200
    assert client.session.session_key != before
    assert [row.session_key for row in sessions.of(ada)] == [client.session.session_key]


def test_the_sign_in_leads_in_no_circle(ada: User) -> None:
    client = at_the_code(ada)
    assert client.get("/login/?next=/login/").headers["Location"] == "/"


def test_a_role_that_there_is_not_is_refused_at_the_start(settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = ["auditer"]
    with pytest.raises(ImproperlyConfigured, match="no role is called 'auditer'"):
        listen()


def test_the_addresses_of_the_steps_are_there() -> None:
    assert {PROVE, CHOOSE, SET_UP, *WHILE_HELD} <= GATES.keys()


def test_the_last_one_is_let_in_from_the_machine_itself(ada: User, app: App) -> None:
    call_command("second_factor", "remove", ada.username)
    assert at_the_code(ada).get("/").status_code == 200
    for name in (ada.username, "nobody"):
        with pytest.raises(CommandError, match=name):
            call_command("second_factor", "remove", name)
