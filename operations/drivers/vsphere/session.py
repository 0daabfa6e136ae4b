"""A session with a vCenter or an ESXi host: TLS that is verified or pinned, an address that is allowed."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Final

from pyVmomi import SoapStubAdapter, vim, vmodl
from pyVmomi.VmomiSupport import newestVersions, versionMap

from operations.drivers.addresses import refusal_of
from operations.drivers.base import DriverError
from operations.drivers.remote import Login
from operations.drivers.trust import context_of, vetted
from planner.sentence import Sentence

TIMEOUT_S: Final = 60.0  # one answer; a page of 500 VMs takes a busy vCenter some seconds
_RELEASE: Final = re.compile(r"vim25/\d+(\.\d+)*")


@contextmanager
def session(login: Login) -> Iterator[vim.ServiceInstance]:
    """Log in, and out whatever happens.

    Raises:
        DriverError: not reached, not trusted, not let in.  The message holds neither password nor body.
    """
    refused = refusal_of(login.host, login.port, login.allowed)
    if refused:
        raise DriverError(refused, permanent=True)
    with translated(login):
        stub = SoapStubAdapter(
            host=login.host,
            port=login.port,
            path="/sdk",
            version=newestVersions.GetName("vim"),
            sslContext=context_of(login),
            httpConnectionTimeout=TIMEOUT_S,
        )
        stub.scheme = vetted(login.allowed, TIMEOUT_S)
        instance = vim.ServiceInstance("ServiceInstance", stub)
        content = instance.RetrieveContent()
        stub.version = _version(content.about.apiVersion)
        content.sessionManager.Login(login.username, login.password, None)
    try:
        with translated(login):
            yield instance
    finally:
        _leave(content, stub)


def _leave(content: vim.ServiceInstanceContent, stub: SoapStubAdapter) -> None:
    """Log out as far as that still goes: a session that is lost already ends by itself."""
    try:
        content.sessionManager.Logout()
    except (OSError, HTTPException, vmodl.MethodFault):
        pass
    finally:
        stub.DropConnections()


def _version(api: str) -> str:
    """Speak as the server does, where it is older than this client."""
    known = {
        tuple(map(int, uri.removeprefix("vim25/").split("."))): version
        for uri, version in versionMap.items()
        if _RELEASE.fullmatch(uri)
    }
    server = tuple(int(part) for part in api.split(".") if part.isdecimal())
    return str(known[max(release for release in known if release <= server)])


@contextmanager
def translated(login: Login) -> Iterator[None]:
    """Turn what goes wrong on the way into DriverError: one line, no body, no password."""
    where = f"{login.host}:{login.port}"
    try:
        yield
    except vim.fault.InvalidLogin as error:
        raise DriverError(
            Sentence("{where} does not know this user and password", {"where": where}), permanent=True
        ) from error
    except vim.fault.NoPermission as error:
        lacks = Sentence(
            "{where}: the user lacks the privilege {privilege}",
            {"where": where, "privilege": error.privilegeId},
        )
        raise DriverError(lacks, permanent=True) from error
    except vmodl.MethodFault as error:
        raise DriverError(f"{where}: {type(error).__name__.rpartition('.')[2]}") from error
    except ssl.SSLCertVerificationError as error:
        raise DriverError(
            Sentence("{where} is not trusted: {why}", {"where": where, "why": error.verify_message}),
            permanent=True,
        ) from error
    except (OSError, HTTPException) as error:
        raise DriverError(
            Sentence("{where} cannot be reached: {why}", {"where": where, "why": type(error).__name__})
        ) from error
