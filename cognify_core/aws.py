"""Clients of AWS's services."""

from __future__ import annotations

from typing import Any


def client_of(service: str, **options: Any) -> Any:
    """A client of `service`, with the credentials that boto3 finds now: environment, profile, instance role.

    It has a session of its own. The one that all of a process share keeps the credentials that it found first, whatever
    is set later, and threads must not make clients of it at once (boto3's guide, "Multithreading with sessions").

    Args:
        service: as boto3 calls it.
        options: as boto3's `client` takes them.

    Raises:
        ModuleNotFoundError: boto3 is not installed (extra `s3`).
        BotoCoreError, ValueError: an option is wrong, or no region is found.
    """
    from boto3.session import Session

    return Session().client(service, **options)
