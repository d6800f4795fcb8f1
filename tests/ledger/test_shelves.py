"""Ledgers that are published where this host owns nothing: a web server, a bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.errors import CannotVerifyError, ConfigurationError, LedgerError, VerificationError
from cognify_core.seal.shelves import open_shelf, read_file
from tests.cli.running import cognify
from tests.ledger.homes import Lived
from tests.ledger.test_heads import grow
from tests.servers.objects import s3, s3_client
from tests.servers.putting import Kept, putting


@pytest.fixture
def web() -> Iterator[Kept]:
    with putting() as kept:
        yield kept


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket that this process finds."""
    before = dict(os.environ)
    with s3(tmp_path_factory.mktemp("s3")) as environ:
        s3_client(environ).create_bucket(Bucket="heads")
        os.environ.update(environ, AWS_ENDPOINT_URL_S3=environ["MLFLOW_S3_ENDPOINT_URL"])
        yield "s3://heads/mine"
        os.environ.clear()
        os.environ.update(before)


def published_and_verified(lived: Lived, place: str) -> None:
    """Publish, grow, publish again; then hold a seal to the head that lies there, with the tiles beside it."""
    first = lived.ledger.publish(place)
    grow()
    second = lived.ledger.publish(place)
    assert (first.before, second.before) == (0, first.head.head.size)
    report = api.verify(lived.home.late, head=f"{place}/checkpoint")
    assert (report.exit_code, report.verdict("anchor")) == (0, "ok")
    assert lived.ledger.consistency(f"{place}/checkpoint").old.size == second.head.head.size
    assert lived.ledger.check(f"{place}/checkpoint").exit_code == 0


def test_a_ledger_is_published_on_a_web_server_and_seals_are_held_to_the_head_there(lived: Lived, web: Kept) -> None:
    published_and_verified(lived, web.url)
    assert web.asked[-1].startswith("GET ")
    assert any(path.startswith("/ledgers/mine/tile/entries/") for path in web.files)


def test_a_ledger_is_published_in_a_bucket_and_seals_are_held_to_the_head_there(lived: Lived, bucket: str) -> None:
    published_and_verified(lived, bucket)
    with pytest.raises(CannotVerifyError, match="there is no s3://heads/mine/nothing"):
        read_file(f"{bucket}/nothing", 10)
    with pytest.raises(LedgerError, match="cannot be written"):
        open_shelf("s3://no-such-bucket/x").write("checkpoint", b"")
    with pytest.raises(CannotVerifyError, match="NoSuchBucket"):
        lived.ledger.publish("s3://no-such-bucket/x")


def test_a_head_that_was_published_is_not_followed_by_a_ledger_that_was_rolled_back(lived: Lived, web: Kept) -> None:
    lived.ledger.publish(web.url)
    lived.edit("DELETE FROM leaves WHERE position >= 8", "DELETE FROM nodes WHERE (place + 1) << level > 8")
    with pytest.raises(VerificationError, match="it was rolled back"):
        lived.ledger.publish(web.url)
    with pytest.raises(VerificationError, match="it was rolled back"):
        lived.ledger.consistency(f"{web.url}/checkpoint")


def test_tiles_that_were_changed_or_taken_away_there_prove_nothing(lived: Lived, web: Kept, tmp_path: Path) -> None:
    grow()
    lived.ledger.publish(web.url)
    words = ("verify", lived.home.late, "--head", f"{web.url}/checkpoint")
    assert cognify(lived.home.path.parent, *words).exit_code == 0
    tiles = [path for path in web.files if "/tile/0/" in path]
    for path in tiles:
        web.files[path] = bytes(len(web.files[path]))
    assert cognify(lived.home.path.parent, *words).exit_code == 1
    for path in tiles:
        del web.files[path]
    gone = cognify(lived.home.path.parent, *words)
    assert (gone.exit_code, "is not there" in gone.output) == (2, True)


def test_a_server_that_takes_nothing_or_is_not_there_is_told(lived: Lived, web: Kept) -> None:
    web.refuses = 403
    with pytest.raises(LedgerError, match=r"cannot be written: .*403"):
        lived.ledger.publish(web.url)
    web.refuses = 404
    with pytest.raises(LedgerError, match="there is no such place"):
        lived.ledger.publish(web.url)
    with pytest.raises(CannotVerifyError, match="there is no http"):
        read_file(f"{web.url}/checkpoint", 10)


@pytest.mark.parametrize("place", ["ftp://host/x", "s3:///x", "http://", "http://host/x?y", "https://me:hunter2@host/"])
def test_what_is_no_place_is_refused(place: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is no folder|no user and password") as caught:
        open_shelf(place)
    assert "hunter2" not in str(caught.value)
