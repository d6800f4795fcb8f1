"""The statements that are signed: in-toto Statement v1 with three predicates of ours.

A *seal* speaks of a record: its subjects are the record's manifest, the lineage, and every artifact whose every byte
was hashed. A *receipt* speaks of one package file, a *population* of one list of runs. A predicate's URI is a name;
nothing is fetched from it. A statement has one spelling: parsing refuses bytes that encoding would not have produced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from cognify_core.canonical import encode, parse
from cognify_core.errors import FormatError
from cognify_core.model.bodies import Day
from cognify_core.model.digest import Digest
from cognify_core.model.events import Amends, ClosedStatus, Hex128
from cognify_core.model.names import RunId, Seconds
from cognify_core.model.record import RecordManifest

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
SEAL_TYPE: Final = "https://cognify.dev/seal/v1"
RECEIPT_TYPE: Final = "https://cognify.dev/receipt/v1"
POPULATION_TYPE: Final = "https://cognify.dev/population/v1"
RECORD_SUBJECT = "record"
LINEAGE_SUBJECT = "lineage"

Hex256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class _Strict(BaseModel):
    model_config = STRICT


class Sha256(_Strict):
    """in-toto's DigestSet, with the one algorithm used here."""

    sha256: Hex256


class Subject(_Strict):
    """Something that a statement speaks of, by name and digest."""

    name: str
    digest: Sha256


class Statement(_Strict):
    """What both statements share; subclasses fix `predicateType` and `predicate`."""

    kind: ClassVar[str]

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: tuple[Subject, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if len({subject.name for subject in self.subject}) != len(self.subject):
            raise ValueError("two subjects have one name")
        return self

    @property
    def digests(self) -> dict[str, Digest]:
        """The digest of each subject, by name."""
        return {subject.name: Digest(subject.digest.sha256) for subject in self.subject}

    def encode(self) -> bytes:
        """The statement's bytes: the payload that is signed."""
        return encode(self.model_dump(mode="json", by_alias=True, exclude_none=True))

    @property
    def digest(self) -> Digest:
        """What other statements name this one by: SHA-256 of the payload."""
        return Digest.of(self.encode())

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read a payload's bytes.

        Raises:
            FormatError: they are not this statement, or not its one spelling.
        """
        parse(payload)  # refuses what two readers may read differently
        try:
            statement = cls.model_validate_json(payload)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise FormatError(f"not a {cls.kind} statement: {where}: {first['msg']}") from error
        if statement.encode() != payload:
            raise FormatError(f"not a {cls.kind} statement: it is not written in its one form")
        return statement


class RecordSummary(_Strict):
    """The record manifest's fields, for those who hold no package."""

    format: Literal["cognify.record/v1"] = "cognify.record/v1"
    size: int = Field(ge=2)
    root: Hex256


class Received(_Strict):
    """When whoever signs received the record, where that is a server to which it was sent while it was written.

    A machine that trains can say what it likes of the present; of what it has sent, no more.
    """

    first: Seconds
    """When the run's beginning came."""
    last: Seconds
    """When its last event came."""
    parts: int = Field(ge=1)
    """In how many requests."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.last:
            raise ValueError("the last event came before the first")
        return self


class SealPredicate(_Strict):
    """What the signer says of a run."""

    run_id: RunId
    nonce: Hex128
    status: ClosedStatus
    """How the run ended, before it was sealed."""
    complete: bool
    reasons: tuple[str, ...]
    record: RecordSummary
    sealed_at: Seconds
    time: Literal["claimed"] = "claimed"
    """The signer's own clock; a timestamp, where there is one, stands in the bundle."""
    recorder: str
    amends: Amends | None = None
    log: str | None = None
    """The key of the ledger that the seal goes into, as `str(LogKey)`; none of a seal that goes into none."""
    received: Received | None = None
    """None of a record that was written where it was sealed."""

    @model_validator(mode="after")
    def _received_before(self) -> Self:
        if self.received is not None and self.received.last > self.sealed_at:
            raise ValueError("the last event came after the seal")
        return self


class SealStatement(Statement):
    """The seal."""

    kind: ClassVar[str] = "seal"

    predicate_type: Literal["https://cognify.dev/seal/v1"] = Field(default=SEAL_TYPE, alias="predicateType")
    predicate: SealPredicate

    @property
    def manifest(self) -> RecordManifest:
        """The record manifest that the predicate describes."""
        return RecordManifest(self.predicate.run_id, self.predicate.record.size, self.predicate.record.root)


class ReceiptPredicate(_Strict):
    """What a package was rendered from."""

    run_id: RunId
    nonce: Hex128
    seal: Digest
    """Of the seal's statement."""
    addenda: tuple[Digest, ...]
    """Of the statements of the addenda within, by ordinal."""
    format: str
    template: str | None = None
    renderer: str
    openings: Digest | None = None
    """Of the clear values that the template was given, as `cognify.openings/v1` has them; none where it takes none."""
    log: str | None = None
    """As in a seal."""


class ReceiptStatement(Statement):
    """The receipt of one package file."""

    kind: ClassVar[str] = "receipt"

    predicate_type: Literal["https://cognify.dev/receipt/v1"] = Field(default=RECEIPT_TYPE, alias="predicateType")
    predicate: ReceiptPredicate


class PopulationPredicate(_Strict):
    """What a list of runs was made from: a store as it was at a time, which nobody can have again."""

    workspace: str
    since: Day
    until: Day
    made_at: Seconds
    time: Literal["claimed"] = "claimed"
    runs: int = Field(ge=0)
    format: str
    renderer: str


class PopulationStatement(Statement):
    """The receipt of one list of the runs of a period."""

    kind: ClassVar[str] = "population"

    predicate_type: Literal["https://cognify.dev/population/v1"] = Field(default=POPULATION_TYPE, alias="predicateType")
    predicate: PopulationPredicate


def subjects(digests: Mapping[str, Digest]) -> tuple[Subject, ...]:
    """Subjects by name, in the order given."""
    return tuple(Subject(name=name, digest=Sha256(sha256=digest.hex)) for name, digest in digests.items())
