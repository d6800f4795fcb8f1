"""A vault, of its URI. What an extra brings is imported here, when it is needed."""

from __future__ import annotations

from cognify_core.errors import ConfigurationError
from cognify_core.vault.protocol import Vault
from cognify_core.vault.uri import VaultUri

_EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure"}


def open_vault(uri: VaultUri | str) -> Vault:
    """The vault at `uri`. Nothing is asked of it yet.

    Raises:
        ConfigurationError: the URI is none, or what its kind needs is not installed.
    """
    where = VaultUri.parse(uri) if isinstance(uri, str) else uri
    try:
        return _opened(where)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(where.kind, "all")
        raise ConfigurationError(f"{where.place} needs {error.name}: pip install 'cognify-audit[{extra}]'") from error


def _opened(where: VaultUri) -> Vault:
    match where.kind:
        case "s3":
            from cognify_core.vault.s3 import S3Vault

            return S3Vault.connect(where)
        case "gs":
            from cognify_core.vault.gcs import GcsVault

            return GcsVault.connect(where)
        case "az":
            from cognify_core.vault.azure import AzureVault

            return AzureVault.connect(where)
        case _:
            from cognify_core.vault.filesystem import FolderVault

            return FolderVault(where)
