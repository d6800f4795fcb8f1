"""Every field of the timestamps beside a package (`<package>.evidence.json`): changed, swapped, doubled, dropped.

Nobody signs that file: what of it does not hold is named, counts for nothing, and contradicts nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.canonical import encode
from cognify_core.errors import CognifyError
from cognify_core.seal.timestamps import Timestamp
from cognify_core.verify.timestamp_check import check_late, late_fact
from tests.adversarial.altering import MOST, cases
from tests.adversarial.der import Element, altered
from tests.adversarial.stamped import NOT_SIGNED, Stamped, of_timestamps
from tests.servers.tsa import Tsa, served
from tests.tamper.attacking import leave, report_of, use

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def dated(tmp_path: Path, stamped: Stamped) -> Iterator[Path]:
    """The package of a run whose seal is not dated, with two timestamps beside it: the second is over the first."""
    use(tmp_path / "home")
    with api.run("dated") as run:
        run.config({"learning_rate": 0.1})
    package = api.export_audit(run.id).path
    api.keys().authorities.trust(stamped.tsa.root.pem, "tsa")
    put_beside(package, renewals(stamped.tsa, package.read_bytes()))
    yield package
    leave()


def renewals(tsa: Tsa, package: bytes) -> dict[str, Any]:
    """What stands beside a package that was dated twice."""
    first = Timestamp.parse(tsa.stamp(package))
    second = Timestamp.parse(tsa.stamp(first.data))
    facts = [late_fact(first, package), late_fact(second, first.data)]
    return {"format": "cognify.evidence/v1", "package_hash": facts[0]["over"], "facts": facts}


def put_beside(package: Path, value: Any) -> None:
    package.with_name(package.name + ".evidence.json").write_bytes(encode(value) + b"\n")


def test_the_original_holds(dated: Path) -> None:
    report = report_of(dated, require_timestamp=True)
    assert ([each.verdict for each in of_timestamps(report)], report.exit_code) == (["ok", "ok"], 0)


@pytest.mark.filterwarnings("ignore:Attribute's length must be")
def test_a_timestamp_beside_a_package_is_refused_wherever_something_in_it_is_another(stamped: Stamped) -> None:
    package = stamped.true.package
    value = renewals(stamped.tsa, package)
    token, other = Element.parse(stamped.tsa.stamp(package)), stamped.tokens[1]
    for place, how, data in altered(token, other):
        try:
            facts = [late_fact(Timestamp.parse(data), package)]
        except CognifyError:
            facts = [value["facts"][0] | {"signedTimestamp": "AAAA"}]
        (finding,) = check_late(package, facts, stamped.clocks)
        assert finding.verdict == "unchecked" or place in NOT_SIGNED, f"{place} {how}"


def test_every_field_of_the_file_beside_a_package(stamped: Stamped, dated: Path) -> None:
    value = json.loads(dated.with_name(dated.name + ".evidence.json").read_bytes())
    other = renewals(stamped.tsa, stamped.other.package)
    made = cases(value, other, MOST)
    assert len(made) >= 100
    for case in made:
        put_beside(dated, case.of(value, other))
        report = report_of(dated, require_timestamp=True)
        found = of_timestamps(report)
        assert not report.contradictions, str(case)
        match case.path:
            case ("facts", 1) if case.how in ("null", "empty", "list", "odd"):
                assert ([each.code for each in found], report.exit_code) == (["evidence"], 2)
            case ("facts", 1, *_):  # the first one holds without it
                assert report.exit_code == 0, str(case)
                assert [each.verdict for each in found[1:]] != ["ok"], str(case)
            case ("facts",) if case.how == "flip":
                assert [each.verdict for each in found] == ["unchecked", "ok"]
            case ("facts", 0) if case.how == "twice":
                assert [each.verdict for each in found] == ["ok", "unchecked", "ok"]
            case _:
                assert report.exit_code == 2, str(case)
                assert all(each.verdict == "unchecked" for each in found), str(case)


def test_whole_timestamps_of_others_beside_a_package(stamped: Stamped, dated: Path) -> None:
    value = json.loads(dated.with_name(dated.name + ".evidence.json").read_bytes())
    first, second = value["facts"]
    stranger, _ = renewals(stamped.tsa, stamped.other.package)["facts"]
    wanted = {
        "the other way round": ([second, first], ["unchecked", "ok"], 0),
        "the second alone": ([second], ["unchecked"], 2),
        "the second twice": ([first, second, second], ["ok", "ok", "unchecked"], 0),
        "another run's": ([stranger], ["unchecked"], 2),
        "another run's, said to be over this package": ([stranger | {"over": first["over"]}], ["unchecked"], 2),
        "said to be of another time": ([first | {"time": "2020-01-01T00:00:00Z"}], ["unchecked"], 2),
        "said to be by another authority": ([first | {"authority": "CN=somebody else"}], ["unchecked"], 2),
        "none": ([], [], 2),
    }
    for how, (facts, verdicts, code) in wanted.items():
        put_beside(dated, value | {"facts": facts})
        report = report_of(dated, require_timestamp=True)
        assert ([each.verdict for each in of_timestamps(report)], report.exit_code) == (verdicts, code), how


def test_a_renewal_goes_on_from_what_counts(stamped: Stamped, dated: Path) -> None:
    """What does not count is left where it stands, and the next timestamp is over the newest that does."""
    value = json.loads(dated.with_name(dated.name + ".evidence.json").read_bytes())
    first, second = value["facts"]
    put_beside(dated, value | {"facts": [first, second | {"time": "2020-01-01T00:00:00Z"}]})
    with served(stamped.tsa) as tsa:
        api.set_timestamp_urls([tsa.url])
        api.renew_timestamp(dated)
    found = of_timestamps(report_of(dated, require_timestamp=True))
    assert [each.verdict for each in found] == ["ok", "unchecked", "ok"]
