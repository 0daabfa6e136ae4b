"""One address of the broker, spelt as each client wants it, on a path that a socket can have."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
import redis
from celery import Celery

from config import broker


def test_the_socket_lies_in_the_data_folder() -> None:
    assert broker.socket_path(Path("/srv/headroom/data")) == Path("/srv/headroom/data/broker/valkey.sock")


@pytest.mark.parametrize(
    "data_dir", ["/srv/" + "deep/" * 20 + "data", "/home/zoé/données", "/home/me/my files", "/srv/50%/data"]
)
def test_a_path_too_long_or_too_odd_for_a_socket_gets_a_short_plain_one(
    data_dir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    path = broker.socket_path(Path(data_dir))
    assert path.parent.parent == Path("/run/user/1000")
    assert broker.PLAIN_PATH.fullmatch(str(path))
    assert len(os.fsencode(path)) <= broker.SOCKET_PATH_BYTES


def test_two_data_folders_never_share_a_socket() -> None:
    deep = "/srv/" + "deep/" * 20
    assert broker.socket_path(Path(deep + "a")) != broker.socket_path(Path(deep + "b"))


def test_a_folder_that_others_may_write_in_is_no_place_for_the_socket() -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="not a private folder"):
        broker.make_socket_folder(folder / "valkey.sock")
    folder.rmdir()


def test_celery_and_redis_reach_the_same_broker(valkey_url: str) -> None:
    sender = Celery(broker=broker.celery_url(valkey_url), set_as_current=False)
    sender.send_task("nobody.listens")
    with redis.Redis.from_url(valkey_url) as client:
        assert client.llen("celery") == 1
        client.delete("celery")
    sender.close()


@pytest.mark.parametrize("url", ["redis://host:6379/0", "rediss://host/1", "amqp://guest@host//"])
def test_an_address_on_the_network_is_the_same_for_all(url: str) -> None:
    assert broker.celery_url(url) == url
