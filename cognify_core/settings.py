"""Settings: arguments of `cognify.init`, else `COGNIFY_*` variables, else defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from cognify_core.errors import ConfigurationError

GIB = 1 << 30
_STORES = ("postgresql://", "postgresql+psycopg://", "postgres://", "sqlite:///")
_SECRET = ("store", "api_key", "key_passphrase", "oidc_client_secret")


class Settings(BaseSettings):
    """All that can be set, with the default that suits a laptop."""

    model_config = SettingsConfigDict(env_prefix="COGNIFY_", frozen=True, extra="ignore", validate_default=True)

    home: Path = Path("~/.cognify")
    """Store, keys and packages."""
    store: SecretStr | None = None
    """The URL of the store where it is not in `home`: `postgresql://USER@HOST/DATABASE`. It may hold a password."""
    url: str | None = None
    """A Cognify server, to which runs are recorded while they go on; none: they stay on this machine."""
    api_key: SecretStr | None = None
    """The key that the server is shown."""
    workspace: str = "default"
    """Which of the server's."""
    mode: Literal["on", "dry", "off"] = "on"
    """`off` is inert; `dry` does everything and keeps nothing."""
    project: str = "default"
    """The AI system that runs serve."""
    run_name: str | None = None
    """A name of runs, for people, where the code gives none."""
    run_tags: dict[str, Annotated[str, Field(coerce_numbers_to_str=True)]] = Field(default_factory=dict)
    quiet: bool = False
    """No lines on the console."""
    initial_weights_limit: int = Field(default=GIB, ge=0)
    """Bytes of trainable weights that are hashed before step 1."""
    record_diff: bool = False
    """Put the uncommitted changes of the git work tree themselves into the record, not only their hash."""
    exit_seconds: float = Field(default=60.0, ge=0)
    """How long the end of the process may wait for hashing to finish."""
    rank_seconds: float = Field(default=60.0, ge=0)
    """How long the end of a distributed training waits for a rank that lives and does not report."""
    artifact_limit: int = Field(default=GIB, ge=0)
    """Bytes of the artifacts of one MLflow run that are fetched, where they lie elsewhere, to be hashed."""
    artifact_seconds: float = Field(default=300.0, ge=0)
    """How long artifacts that lie elsewhere are fetched for."""
    vault: str | None = None
    """The URI of the vault; else what `cognify vault set` said, else a folder in `home`."""
    storage_endpoints: Annotated[frozenset[str], NoDecode] = frozenset()
    """Of a server: endpoints of storage, besides the providers' own, that workspaces may name, spaces between."""
    public_url: str | None = None
    """Of a server: the address under which browsers reach it, where it is not the one that it hears of."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Of a server: addresses and networks of proxies whose `X-Forwarded-` headers are believed, spaces between."""
    proxy_user_header: str | None = None
    """Of a server: the header in which those proxies name whom they have let in."""
    proxy_roles: dict[str, str | list[str]] = Field(default_factory=dict)
    """Of a server: what those are, as JSON: `{"ada": "admin", "*": ["viewer@team"]}`."""
    oidc_issuer: str | None = None
    """Of a server: the OpenID provider with which people sign in."""
    oidc_client_id: str | None = None
    """What the server is called there."""
    oidc_client_secret: SecretStr | None = None
    """Its secret there; a file is safer, for others may see a process's environment."""
    oidc_client_secret_file: Path | None = None
    """A file with that secret in its first line."""
    oidc_scopes: str = "openid profile email"
    """What the provider is asked for."""
    oidc_roles: dict[str, dict[str, str | list[str]]] = Field(default_factory=dict)
    """Who is what, by claim and value, as JSON: `{"groups": {"auditors": "auditor", "ml": ["recorder@team"]}}`."""
    webhook_hosts: Annotated[frozenset[str], NoDecode] = frozenset()
    """Of a server: hosts of webhooks (`HOST`, `HOST:PORT`) whose addresses need not be public, spaces between."""
    lease_seconds: float = Field(default=60.0, ge=1)
    """How long work of a server's belongs to whoever took it and says no more of it."""
    reverify_hours: float = Field(default=24.0, gt=0)
    """Of a server: how often it looks at what lies in vaults."""
    silent_hours: int = Field(default=24, ge=1, le=87_600)
    """Of a server: how long nothing of a run must have arrived before somebody else may close it as interrupted."""
    retention_notice_days: int = Field(default=30, ge=0)
    """Of a server: how long before a run need not be kept any more that is told."""
    signer: str | None = None
    """Who signs, as in `awskms:///alias/NAME`; else what `cognify keys rotate --to` said, else a key in `home`."""
    key_passphrase: SecretStr | None = None
    """Of the private keys in `home`; a file is safer, for others may see a process's environment."""
    key_passphrase_file: Path | None = None
    """A file with the passphrase in its first line."""
    timestamp_urls: Annotated[tuple[str, ...] | None, NoDecode] = None
    """The time stamping authorities (RFC 3161) that are asked at each seal, with spaces between; `none`: nobody. Where
    it is not given, what `cognify timestamp set` said."""
    timestamp_seconds: float = Field(default=10.0, gt=0)
    """How long a seal may wait for all of them together."""
    max_package_bytes: int = Field(default=GIB // 16, ge=1)
    """The largest package that `verify` reads."""

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("store")
    @classmethod
    def _is_url(cls, store: SecretStr | None) -> SecretStr | None:
        if store is not None and not store.get_secret_value().startswith(_STORES):
            raise ValueError("it is written postgresql://USER@HOST/DATABASE, or sqlite:///PATH")
        return store

    @field_validator("timestamp_urls", mode="before")
    @classmethod
    def _listed(cls, urls: object) -> object:
        if not isinstance(urls, str):
            return urls
        return () if urls.strip() == "none" else tuple(urls.replace(",", " ").split()) or None

    @field_validator("storage_endpoints", "trusted_proxies", "webhook_hosts", mode="before")
    @classmethod
    def _split(cls, endpoints: object) -> object:
        return endpoints.replace(",", " ").split() if isinstance(endpoints, str) else endpoints

    @property
    def store_path(self) -> Path:
        """The embedded SQLite store."""
        return self.home / "cognify.db"

    @property
    def store_place(self) -> Path | str:
        """Where the store is, for `open_store` alone: a URL may hold a password."""
        return self.store_path if self.store is None else self.store.get_secret_value()

    @property
    def has_store(self) -> bool:
        """Whether there is a store already: the embedded one is made when it is first needed."""
        return self.store is not None or self.store_path.is_file()

    @property
    def keys_path(self) -> Path:
        """Signing keys and trusted public keys."""
        return self.home / "keys"

    @property
    def packages_path(self) -> Path:
        """Exported packages, one folder per run."""
        return self.home / "packages"

    @property
    def rows_path(self) -> Path:
        """Row indexes: leaf hashes of datasets, by which a changed row is named."""
        return self.home / "rows"

    @property
    def samples_path(self) -> Path:
        """What evaluations said of each sample, one folder per run."""
        return self.home / "samples"

    @property
    def spool_path(self) -> Path:
        """Events that the store could not take yet."""
        return self.home / "spool"


def load(**given: object) -> Settings:
    """The settings in force: what is `given` (and not None) before the environment, before the defaults.

    Raises:
        ConfigurationError: a value is not what the setting takes; the message names both.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except SettingsError as error:  # what is written as JSON is none
        raise ConfigurationError(f'{error}; it is JSON, as in {{"groups": {{"auditors": "auditor"}}}}') from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        what = "what was given" if name in _SECRET else repr(first["input"])
        raise ConfigurationError(
            f"{name} (COGNIFY_{name.upper()}) cannot be {what}: {first['msg']}"
        ) from None  # pydantic's own traceback says the same in forty lines
