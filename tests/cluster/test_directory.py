"""Sign in by a directory: a real slapd on a socket of this test, read by django-auth-ldap."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import BEGIN, ROOT, Site
from tests.conftest import wait_until

NEEDED = "sudo apt-get install -y slapd ldap-utils python3-ldap python3-django-auth-ldap"
DEBIAN = Path("/usr/lib/python3/dist-packages")
MODULES = ("ldap", "ldapurl.py", "ldif.py", "django_auth_ldap", "pyasn1", "pyasn1_modules")
CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
database mdb
directory {folder}/db
suffix "dc=x"
rootdn "cn=root,dc=x"
rootpw rootpw
access to attrs=userPassword by anonymous auth by * none
access to * by dn="cn=reader,dc=x" read by * none
"""
PEOPLE = (
    """
dn: dc=x
objectClass: dcObject
objectClass: organization
dc: x
o: x

dn: cn=reader,dc=x
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: readerpw

"""
    + "".join(
        f"dn: uid={name},dc=x\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n"
        f"userPassword: {name}-password\n\n"
        for name in ("ada", "bob", "both", "local")
    )
    + """
dn: cn=watchers,dc=x
objectClass: groupOfNames
cn: watchers
member: uid=ada,dc=x
member: uid=both,dc=x

dn: cn=movers,dc=x
objectClass: groupOfNames
cn: movers
member: uid=both,dc=x
"""
)


@pytest.fixture(scope="module")
def library() -> Iterator[Path | None]:
    """The extra from Debian, beside the environment's packages; None where the environment has it."""
    if importlib.util.find_spec("ldap") and importlib.util.find_spec("django_auth_ldap"):
        yield None
        return
    binary = DEBIAN / f"_ldap.cpython-{sys.version_info[0]}{sys.version_info[1]}-x86_64-linux-gnu.so"
    if not (binary.exists() and (DEBIAN / "django_auth_ldap").exists()):
        pytest.skip(f"python-ldap is missing for this Python: {NEEDED}")
    with tempfile.TemporaryDirectory(prefix="hr-ldap-") as folder:
        for name in (*MODULES, binary.name):
            (Path(folder) / name).symlink_to(DEBIAN / name)
        yield Path(folder)


@pytest.fixture(scope="module")
def directory() -> Iterator[str]:
    """The address of a directory with four people and two groups."""
    if not shutil.which("slapd") or not shutil.which("ldapadd"):
        pytest.skip(f"slapd is missing: {NEEDED}")
    folder = Path(tempfile.mkdtemp(prefix="hr-ldap-", dir="/tmp"))
    (folder / "db").mkdir()
    (folder / "slapd.conf").write_text(CONF.format(folder=folder))
    url = "ldapi://" + str(folder / "ldapi").replace("/", "%2F")
    server = subprocess.Popen(["slapd", "-d", "0", "-f", folder / "slapd.conf", "-h", url])

    def answers() -> bool:
        command = ["ldapadd", "-H", url, "-x", "-D", "cn=root,dc=x", "-w", "rootpw"]
        done = subprocess.run(command, input=PEOPLE, text=True, capture_output=True, check=False)
        return done.returncode in (0, 68)  # 68: all are there already

    wait_until(answers, "slapd")
    yield url
    server.terminate()
    server.wait(timeout=30)
    shutil.rmtree(folder)


@pytest.fixture
def house(site: Site, directory: str, library: Path | None) -> Site:
    """A site that asks the directory."""
    site.environment |= {
        "LDAP_URL": directory,
        "LDAP_PEOPLE": "dc=x",
        "LDAP_BIND_DN": "cn=reader,dc=x",
        "LDAP_BIND_PASSWORD": "readerpw",
        "LDAP_ROLES": json.dumps(
            {"cn=watchers,dc=x": "auditor", "cn=movers,dc=x": "virtual-infrastructure administrator"}
        ),
        "ALLOWED_HOSTS": "testserver",
        "PYTHONPATH": str(library or ""),
    }
    return site


SIGN_IN = """
from django.contrib.auth.models import User
from django.test import Client
def sign_in(name, password):
    client = Client()
    return client.post("/login/", {"username": name, "password": password}).status_code == 302
"""


def test_the_directory_lets_in_with_the_roles_of_the_groups(house: Site) -> None:
    said = house.run(
        SIGN_IN
        + textwrap.dedent("""
        print(sign_in("ada", "ada-password"), sign_in("ada", "wrong"), sign_in("ada", ""))
        ada = User.objects.get(username="ada")
        print([g.name for g in ada.groups.all()], ada.has_usable_password(), ada.is_superuser)
        print(sign_in("*", "ada-password"), sign_in("ada)(uid=*", "ada-password"), User.objects.count())
        """)
    ).splitlines()
    assert said[0] == "True False False"
    assert said[1] == "['auditor'] False False"
    assert said[2] == "False False 1"


def test_a_local_account_keeps_its_password_whoever_bears_its_name_there(house: Site) -> None:
    said = house.run(
        SIGN_IN
        + textwrap.dedent("""
        User.objects.create_user("local", password="a long enough password")
        print(sign_in("local", "local-password"), sign_in("LOCAL", "local-password"))
        print(sign_in("local", "a long enough password"))
        """)
    )
    assert said.split() == ["False", "False", "True"]


def test_roles_that_are_kept_apart_let_nobody_in_and_a_lock_out_holds(house: Site) -> None:
    said = house.run(
        SIGN_IN
        + textwrap.dedent("""
        print(sign_in("both", "both-password"))
        print(sign_in("bob", "bob-password"), User.objects.get(username="bob").groups.count())
        User.objects.filter(username="bob").update(is_active=False)
        print(sign_in("bob", "bob-password"))
        """)
    )
    assert said.split() == ["False", "True", "0", "False"]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"LDAP_URL": "ldaps://x"}, "python-ldap is missing: sudo apt-get install -y"),
        ({"LDAP_URL": "ldap://x", "PYTHONPATH": "library"}, "LDAP_URL must begin with ldaps:// or ldapi://"),
    ],
)
def test_a_directory_that_cannot_be_asked_or_would_be_told_passwords_in_clear_is_refused_at_the_start(
    site: Site, library: Path | None, environment: dict[str, str], words: str
) -> None:
    if "PYTHONPATH" in environment:
        environment = {**environment, "PYTHONPATH": str(library or "")}
    elif library is None:
        pytest.skip("python-ldap is installed here: nothing is missing")
    done = subprocess.run(
        [sys.executable, "-c", BEGIN],
        env={**site.environment, **environment, "LDAP_PEOPLE": "dc=x"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert words in done.stderr.splitlines()[-1]
