from __future__ import annotations

from typing import Any

import pytest

from cognify_core.errors import ConfigurationError
from cognify_core.model.attestation_forms import IDENTIFIERS, PHI_BASES, check_form, identifiers

ALL_REMOVED = {"A-R": "removed"}


def phi(*, has_evidence: bool = False, **facts: Any) -> Any:
    return check_form("phi", facts, subject=None, has_evidence=has_evidence)


def encryption(subject: str | None = "s3://bucket", **facts: Any) -> Any:
    return check_form("encryption_at_rest", facts, subject=subject, has_evidence=False)


def test_there_are_eighteen_identifiers() -> None:
    assert "".join(IDENTIFIERS) == "ABCDEFGHIJKLMNOPQR"


def test_a_basis_that_is_misspelt_is_answered_with_the_list() -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean 'safe_harbor'.*no_phi, safe_harbor, expert_determ"):
        phi(basis="safe_harbour")


def test_there_is_no_default_basis() -> None:
    with pytest.raises(ConfigurationError, match="the basis of a phi attestation is missing; it is one of no_phi"):
        phi()


def test_undeclared_is_no_basis() -> None:
    assert "undeclared" not in PHI_BASES


def test_safe_harbor_takes_all_eighteen_and_no_actual_knowledge() -> None:
    said = phi(basis="safe_harbor", identifiers={"A-Q": "removed", "r": "absent"}, no_actual_knowledge=True)
    assert said["identifiers"]["Q"] == "removed"
    assert said["identifiers"]["R"] == "absent"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"identifiers": {"A-P": "removed"}, "no_actual_knowledge": True}, "missing: Q, R"),
        ({"identifiers": {"A-Q": "removed", "R": "present"}, "no_actual_knowledge": True}, "present: R"),
        ({"identifiers": ALL_REMOVED}, "no_actual_knowledge=true"),
        ({"identifiers": ALL_REMOVED, "no_actual_knowledge": "yes"}, "no_actual_knowledge=true"),
        ({"identifiers": ["A"]}, "said by letter"),
        ({"identifiers": {"A": 1}}, "said by letter"),
    ],
)
def test_half_a_safe_harbor_is_none(facts: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        phi(basis="safe_harbor", **facts)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"S": "removed"}, "letters A to R"),
        ({"A": "remuved"}, "did you mean 'removed'"),
        ({"A-C": "removed", "B": "absent"}, "identifier B is said twice"),
    ],
)
def test_identifiers_are_said_by_letter_once(texts: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        identifiers(texts)


def test_an_expert_determination_names_the_expert_and_has_the_report() -> None:
    facts: dict[str, Any] = {
        "basis": "expert_determination",
        "expert": "E. Xpert",
        "qualifications": "statistician",
        "determined_on": "2026-01-31",
        "recipient": "the model team",
        "risk": "very small",
    }
    with pytest.raises(ConfigurationError, match="report as evidence"):
        phi(**facts)
    assert phi(**facts, has_evidence=True) == facts
    with pytest.raises(ConfigurationError, match="says expert="):
        phi(**facts | {"expert": ""}, has_evidence=True)
    with pytest.raises(ConfigurationError, match="determined_on is a day"):
        phi(**facts | {"determined_on": "last May"}, has_evidence=True)


@pytest.mark.parametrize("basis", ["limited_data_set", "phi_under_authorization_or_baa"])
def test_what_is_still_phi_names_its_agreement(basis: str) -> None:
    with pytest.raises(ConfigurationError, match="agreement="):
        phi(basis=basis)
    assert phi(basis=basis, agreement="DUA 17")["agreement"] == "DUA 17"


def test_encryption_names_algorithm_and_custodian() -> None:
    with pytest.raises(ConfigurationError, match="custodian="):
        encryption(encrypted=True, algorithm="AES-256-GCM")
    assert encryption(encrypted=True, algorithm="AES-256-GCM", custodian="KMS")["custodian"] == "KMS"


def test_no_encryption_needs_an_alternative_and_why() -> None:
    with pytest.raises(ConfigurationError, match="rationale="):
        encryption(encrypted=False, alternative="locked room")
    assert encryption(encrypted=False, alternative="locked room", rationale="air-gapped")["encrypted"] is False


def test_encryption_is_of_a_location() -> None:
    with pytest.raises(ConfigurationError, match="storage location"):
        encryption(None, encrypted=True)


def test_a_point_of_law_is_named_with_its_law() -> None:
    with pytest.raises(ConfigurationError, match="subject='annex_iv/"):
        check_form("annex_iv", None, subject="2(e)", has_evidence=False)
    assert check_form("annex_iv", None, subject="annex_iv/2(e)", has_evidence=False) is None


@pytest.mark.parametrize("form", ["phy", "encryption-at-rest", "sign off", "signoff"])
def test_a_form_that_is_almost_one_is_refused(form: str) -> None:
    with pytest.raises(ConfigurationError, match="there is no form"):
        check_form(form, None, subject=None, has_evidence=False)


def test_a_form_of_ones_own_is_taken() -> None:
    assert check_form("gdpr_dpia", {"ref": "x"}, subject=None, has_evidence=False) == {"ref": "x"}
    assert check_form(None, None, subject=None, has_evidence=False) is None
