"""Whether a bucket can do what a vault promises, without putting anything into it."""

from __future__ import annotations

from typing import Any

from cognify_core.vault.protocol import Finding
from cognify_core.vault.s3_errors import in_our_words

_NO_LOCK = ("ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration")
_UNKNOWN = ("AccessDenied", "403", "MethodNotAllowed", "NotImplemented", "501")


def examine(client: Any, bucket: str) -> list[Finding]:
    """Versions, locks, and what the bucket locks by itself.

    Raises:
        VaultUnavailableError, VaultError: it does not answer, or there is no such bucket.
    """
    return [_versions(client, bucket), *_locks(client, bucket)]


def _versions(client: Any, bucket: str) -> Finding:
    with in_our_words(bucket, _UNKNOWN) as unknown:
        status = client.get_bucket_versioning(Bucket=bucket).get("Status", "never enabled")
    if unknown:
        return Finding("versions", None, f"may not be asked ({unknown[0]})")
    return Finding("versions", status == "Enabled", f"versioning is {status}")


def _locks(client: Any, bucket: str) -> list[Finding]:
    with in_our_words(bucket, (*_NO_LOCK, *_UNKNOWN)) as refusal:
        lock = client.get_object_lock_configuration(Bucket=bucket).get("ObjectLockConfiguration", {})
    if refusal and refusal[0] in _NO_LOCK:
        return [Finding("lock", False, "the bucket has no Object Lock: enable it, or make one that has")]
    if refusal:
        return [Finding("lock", None, f"may not be asked ({refusal[0]})")]
    enabled = lock.get("ObjectLockEnabled") == "Enabled"
    findings = [Finding("lock", enabled, f"Object Lock is {'enabled' if enabled else 'not enabled'}")]
    if rule := lock.get("Rule", {}).get("DefaultRetention"):
        period = f"{rule['Years']} years" if "Years" in rule else f"{rule.get('Days')} days"
        findings.append(Finding("default", None, f"what comes without a lock of its own gets {rule['Mode']}, {period}"))
    return findings
