"""The one tree of errors.

CognifyError
├── ConfigurationError      a setting or an argument is wrong; nothing has been done yet
│   ├── FloorError          fewer years than a law asks, and no reason given
│   └── UnsupportedExportError   the pair of format and template does not exist
├── FormatError             bytes are not in the format that they claim
├── CaptureError            something could not be hashed; carries the reason that the record will hold
├── StoreError              the store could not do what it promises
│   ├── StoreVersionError   the store was written by a newer Cognify
│   ├── ServerUnavailableError   the server did not answer, or could not now; trying again may help
│   ├── ServerRefusedError  the server said no
│   ├── LedgerError         the ledger lacks what it must have, so that nothing can be appended to it
│   ├── PolicyChangedError  somebody else has changed meanwhile what a change rests on
│   └── RecordError         an append that would break the record (wrong order, unknown run)
│       ├── RecordLengthError    the record is longer than the writer thought
│       ├── MeetingTakenError    another rank has begun the run of that meeting; carries the run's id
│       ├── AddendumTakenError   another addendum to the run was first
│       ├── RunIdTakenError a run of that id is there, or was
│       └── RunSealedError  a write to a run that is frozen or sealed
├── RunNotFoundError        no run, or more than one, answers to that name
├── RunStateError           the run is not in a state that allows this
│   └── AddendumGoesOnError another addendum to the run is not sealed yet
├── VaultError              the vault could not do what it promises
│   ├── VaultUnavailableError    it did not answer; trying again may help
│   ├── VaultConflictError  the key holds other bytes already
│   └── VaultRefusedError   a lock, or the rights of who asks, forbid it
├── TimestampError          an authority gave no timestamp, or none that holds; trying again may help
├── SigningKeyError         a key is missing, unreadable or of the wrong kind
│   └── SignerUnavailableError   whoever holds the key did not answer; trying again may help
├── CannotVerifyError       the check could not be made (unpinned signer, missing file)
└── VerificationError       tampering, and nothing else
"""

from __future__ import annotations

from typing import Any


class CognifyError(Exception):
    """Whatever Cognify raises on purpose."""


class ConfigurationError(CognifyError):
    """A setting or an argument is wrong; nothing has been done yet."""


class FloorError(ConfigurationError):
    """Fewer years than a law asks, and no reason given."""


class UnsupportedExportError(ConfigurationError):
    """The pair of export format and template does not exist."""


class FormatError(CognifyError):
    """Bytes are not in the format that they claim."""


class CaptureError(CognifyError):
    """Something could not be hashed; `reason` is what the record will hold, as in `unresolved(reason)`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StoreError(CognifyError):
    """The store could not do what it promises."""


class StoreVersionError(StoreError):
    """The store was written by a newer Cognify."""


class ServerUnavailableError(StoreError):
    """The server did not answer, or could not now; trying again may help."""


class ServerRefusedError(StoreError):
    """The server said no."""


class LedgerError(StoreError):
    """The ledger lacks what it must have, so that nothing can be appended to it."""


class PolicyChangedError(StoreError):
    """What a workspace says is not any more what a change of it rests on."""


class RecordError(StoreError):
    """An append would break the record."""


class RecordLengthError(RecordError):
    """The record is longer than the writer thought: somebody else appended meanwhile."""


class MeetingTakenError(RecordError):
    """Another rank has begun the run of that meeting; `run_id` is that run."""

    def __init__(self, message: str, run_id: str) -> None:
        super().__init__(message)
        self.run_id = run_id


class AddendumTakenError(RecordError):
    """Another addendum to the run was first."""


class RunIdTakenError(RecordError):
    """A run of that id is there, or was."""


class RunSealedError(RecordError):
    """A write to a run that is frozen or sealed."""


class RunNotFoundError(CognifyError):
    """No run, or more than one, answers to that name."""


class RunStateError(CognifyError):
    """The run is not in a state that allows this."""


class AddendumGoesOnError(RunStateError):
    """Another addendum to the run is not sealed yet."""


class VaultError(CognifyError):
    """The vault could not do what it promises."""


class VaultUnavailableError(VaultError):
    """The vault did not answer; trying again may help."""


class VaultConflictError(VaultError):
    """The key holds other bytes already, which stay."""


class VaultRefusedError(VaultError):
    """A lock, or the rights of who asks, forbid it."""


class TimestampError(CognifyError):
    """A time stamping authority gave no timestamp, or none that holds; trying again may help."""


class SigningKeyError(CognifyError):
    """A key is missing, unreadable or of the wrong kind."""


class SignerUnavailableError(SigningKeyError):
    """Whoever holds the key did not answer; trying again may help."""


class CannotVerifyError(CognifyError):
    """The check could not be made: an unpinned signer, a file that is not there; `report` says what was checked."""

    def __init__(self, message: str, report: Any = None) -> None:
        super().__init__(message)
        self.report = report


class VerificationError(CognifyError):
    """Tampering, and nothing else: what is there contradicts what was signed; `report`, where one was made, has all."""

    def __init__(self, message: str, report: Any = None) -> None:
        super().__init__(message)
        self.report = report
