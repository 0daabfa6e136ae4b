"""A signed-in page that forgives nothing: no console error, no request to elsewhere, no dialog."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from openpyxl import Workbook

from tests.conftest import ROOT
from tests.last_words import Watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

    from tests.conftest import Stack

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
ANSWERED_MS = 180_000  # of a machine that runs a laboratory beside; a test must not fail because it is slow
HOSTS, VMS = 4, 60
INFO_HEAD = (
    *("VM", "Powerstate", "Template", "CPUs", "Memory", "Provisioned MiB", "In Use MiB", "Cluster", "Host"),
    "OS according to the configuration file",
)
PASSWORD = "correct horse battery staple"
REPLACED = ("htmx:sendAbort", "htmx:afterRequest")  # by a newer question; what fails says more than these two
PERSON = """
from django.contrib.auth.models import Group, User
person = User.objects.create_user({name!r}, password={password!r})
person.groups.set(Group.objects.filter(name={role!r}))
"""
HOSTILE = "<img src=x onerror=alert(1)>"
FORMULA = '=HYPERLINK("http://elsewhere.example","x")'
TURNED = "a\u202egnp.exe"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass
class Faults:
    """What went wrong in a browser while nobody looked."""

    origin: str
    found: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.on("request", self.request)
        context.on("console", self.console)
        context.on("weberror", lambda error: self.found.append(f"script: {error.error}"))
        context.on("dialog", self.dialog)

    def request(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme in {"data", "blob"} or f"{where.scheme}://{where.netloc}" == self.origin:
            return
        self.found.append(f"left the origin: {request.url}")

    def console(self, message: ConsoleMessage) -> None:
        if message.type != "error" or "status of 40" in message.text:  # refusals that a test asks for
            return
        if message.text.startswith(REPLACED):
            return
        self.found.append(f"console: {message.text}")

    def dialog(self, dialog: Dialog) -> None:
        self.found.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture
def faults(stack: Stack) -> Iterator[Faults]:
    seen = Faults(stack.url.rstrip("/"))
    yield seen
    assert seen.found == []


@pytest.fixture(scope="module")
def session(stack: Stack, browser: Browser) -> dict[str, object]:
    """The cookies of one sign-in, for every page of the module."""
    context = browser.new_context(base_url=stack.url, locale="en-GB")
    context.set_default_timeout(ANSWERED_MS)
    page = context.new_page()
    sign_in(page, stack.username, stack.password)
    cookies = context.storage_state()
    context.close()
    return dict(cookies)


@pytest.fixture
def contexts() -> Iterator[list[Watched]]:
    """Every browser context of a test; a test that fails tells where their pages stand."""
    begun: list[Watched] = []
    yield begun
    for each in begun:
        each.context.close()


@pytest.fixture
def new_page(stack: Stack, browser: Browser, faults: Faults, contexts: list[Watched]) -> Callable[..., Page]:
    """Begins an empty page in a context of its own, whose faults are the test's."""

    def begun(**settings: object) -> Page:
        context = browser.new_context(base_url=stack.url, **{"viewport": DESK, "locale": "en-GB", **settings})
        context.set_default_timeout(ANSWERED_MS)
        faults.watch(context)
        contexts.append(Watched(context))
        return context.new_page()

    return begun


@pytest.fixture
def open_as(stack: Stack, new_page: Callable[..., Page]) -> Callable[..., Page]:
    """Signs somebody else in: `open_as("night-shift", "auditor", viewport=PHONE)`, or without a role."""

    def opened(name: str, role: str = "", **settings: object) -> Page:
        code = PERSON.format(name=name, password=PASSWORD, role=role)
        manage = [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", code]
        site = {"HEADROOM_DATA_DIR": str(stack.data_dir), "DJANGO_SETTINGS_MODULE": "config.settings"}
        subprocess.run(manage, cwd=ROOT, env=os.environ | site, check=True)
        page = new_page(**settings)
        sign_in(page, name)
        return page

    return opened


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "login" not in url)


@pytest.fixture
def open_page(session: dict[str, object], new_page: Callable[..., Page]) -> Callable[..., Page]:
    """Opens signed-in pages: `open_page("/import/", viewport=PHONE, color_scheme="dark")`."""

    def opened(address: str, **settings: object) -> Page:
        page = new_page(**{"storage_state": session, **settings})
        page.goto(address)
        return page

    return opened


@pytest.fixture(scope="session")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An RVTools workbook of our own: 4 hosts of 16 cores and 256 GiB, 60 VMs of 2 vCPU and 8 GiB."""
    book = Workbook()
    info = book.active
    info.title = "vInfo"
    info.append([*INFO_HEAD])
    for number in range(VMS):
        name = {0: HOSTILE, 1: FORMULA, 2: TURNED}.get(number, f"app-{number:02}")
        power = "poweredOff" if number >= VMS - 6 else "poweredOn"
        memory = 16384 if number == 3 else 8192
        info.append(
            [name, power, False, 2, memory, 51200, 20480, "Blue", f"esx{number % HOSTS}", "Ubuntu Linux"]
        )
        info.cell(info.max_row, 1).data_type = "s"  # a name that looks like a formula, and is none
    host = book.create_sheet("vHost")
    host.append(["Host", "Cluster", "Speed", "# CPU", "Cores per CPU", "# Cores", "# Memory"])
    for number in range(HOSTS):
        host.append([f"esx{number}", "Blue", 2600, 2, 8, 16, 262144])
    path = tmp_path_factory.mktemp("workbook") / "Blue export.xlsx"
    book.save(path)
    return path


@pytest.fixture(scope="module")
def estate_address(stack: Stack, browser: Browser, session: dict[str, object], workbook: Path) -> str:
    """Where the workbook's estate is shown, once it has been imported."""
    context = browser.new_context(base_url=stack.url, locale="en-GB", storage_state=session)
    context.set_default_timeout(ANSWERED_MS)
    page = context.new_page()
    page.goto("/import/")
    page.get_by_label("Drop the export here").set_input_files(workbook)
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("link", name="See the plan").click()
    page.wait_for_url("**/estates/**")
    address = page.url.partition("?")[0]
    context.close()
    return address


@pytest.fixture
def imported(open_page: Callable[..., Page], estate_address: str) -> Page:
    """A page that shows the workbook's estate."""
    return open_page(estate_address)
