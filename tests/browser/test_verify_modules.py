"""The page's own readers, held to ours one by one: canonical JSON, events, lineages, packages. They run in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openpyxl")
pytest.importorskip("fastapi")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cognify_core.canonical import encode, parse
from cognify_core.errors import CognifyError, FormatError
from cognify_core.model.events import parse_event
from cognify_core.model.lineage import fold
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.sealing import seal_statement
from cognify_core.seal.statement import Received
from cognify_core.server.pages.standalone import FOLDER
from tests.adversarial.altering import at, places
from tests.adversarial.test_fuzz import JSON
from tests.export.document.dossiers import attestation, bare, dossier, phase, rich
from tests.factories import (
    RUN_ID,
    SEALED_AT,
    SIGNER,
    checkpoint,
    config,
    dataset,
    evaluation,
    gap,
    note,
    record,
    sealed_run,
    whole,
)
from tests.installed import the
from tests.model.test_canonical import JCS, json_values
from tests.model.test_merkle import _vectors
from tests.samples import sample
from tests.tamper.packaging import package
from tests.vectors import needs_vectors

DRIVER = """
import { createInterface } from "node:readline";
import { encode, FormatError, parse } from "./canonical.js";
import { parseEvent } from "./events.js";
import { Pins, rawSignature } from "./keys.js";
import { fold } from "./lineage.js";
import { checkInclusion } from "./merkle.js";
import { verify } from "./verify.js";

const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const does = {
  parse: async ({ data }) => encode(parse(bytes(data))),
  event: async ({ text }) => encode(await parseEvent(text)),
  fold: async ({ texts }) => {
    const { nodes, edges } = await fold(await Promise.all(texts.map(parseEvent)));
    return encode({ nodes, edges });
  },
  verify: async ({ data, keys }) => (await verify(bytes(data), { pins: await Pins.parse(keys) })).report.toJSON(),
  inclusion: async ({ leaf, index, size, path, root }) => {
    await checkInclusion(bytes(leaf), BigInt(index), BigInt(size), path.map(bytes), bytes(root));
    return true;
  },
  signature: async ({ data }) => rawSignature(bytes(data)) !== null,
};
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = { said: await does[asked.what](asked) };
  } catch (error) {
    answer = error instanceof FormatError ? { refused: error.message } : { broken: String(error.stack) };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
}
"""
QUIET = settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
ALL_KINDS = (*bare().run.record.events, *rich().run.record.events, *rich().addenda[0].record.events)
EVENTS = list({event.body.kind: event.encode() for event in ALL_KINDS}.values())


class Modules:
    """The modules, in a process that answers line by line."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
        (folder / "package.json").write_text('{"type": "module"}')
        (folder / "driver.js").write_text(DRIVER)
        self._process = subprocess.Popen(["node", "driver.js"], cwd=folder, stdin=-1, stdout=-1, text=True)

    def ask(self, what: str, **asked: Any) -> Any:
        """What they say; `FormatError` where they refuse."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"what": what, **asked}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "broken" not in answer, answer["broken"]
        if "refused" in answer:
            raise FormatError(answer["refused"])
        return answer["said"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Modules]:
    the("node")
    running = Modules(tmp_path_factory.mktemp("modules"))
    yield running
    running.close()


def outcome(ask: Any, *arguments: Any, **named: Any) -> Any:
    """What it says, or that it refuses."""
    try:
        return ask(*arguments, **named)
    except CognifyError:
        return CognifyError


def read_there(modules: Modules, data: bytes) -> Any:
    found = outcome(modules.ask, "parse", data=b64encode(data).decode())
    return found if found is CognifyError else found.encode()


def read_here(data: bytes) -> Any:
    return outcome(lambda: encode(parse(data)))


@QUIET
@given(json_values)
def test_canonical_json_is_read_alike(modules: Modules, value: Any) -> None:
    data = encode(value)
    assert read_there(modules, data) == data
    for spelt in (json.dumps(value).encode(), json.dumps(value, indent=1, ensure_ascii=False).encode()):
        assert read_there(modules, spelt) == read_here(spelt)


DISPUTED = [
    *(b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b'{"b":1,"a":2}', b'{"10":1,"9":2}', b'{"9":1,"10":2}'),
    *(b"NaN", b"1e999", b"-0", b"1.0", b"1E5", b"100000000000000000000", b"1e+21", b"9007199254740993"),
    *(b"9007199254740992", b"0.1", b"1e-7", b"0.000001", b'"\\ud800"', b'"\xed\xa0\x80"', b'"\\u0041"'),
    *(b'"\xe2\x80\xa8"', b'"\\u001f"', b'"\x1f"', b"\xef\xbb\xbf1", b"\xff", b"", b" 1", b"1\n", b"[1,]", b"{}x"),
    *(b'{"__proto__":1}', b'{"constructor":{}}', b"[" * 200_000, b"[" * 99 + b"1" + b"]" * 99),
    *(b"[" * depth + b"]" * depth for depth in (99, 100, 101)),
    b"[" * 100 + b"1" + b"]" * 100,
    '{"\U0001f512":1,"\ufb33":2}'.encode(),
    '{"\ufb33":1,"\U0001f512":2}'.encode(),
]
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**53, "", "x", "x" * 201, "\U0001f512" * 200, [], {}, ["x"], {"a": "b"}, {"$int": "1"}),
    *("sha256:" + "0" * 64, "2025-02-30T00:00:00.000000Z", "2024-02-29T23:59:59.999999Z", "2025-02-31"),
    *("0000-01-01T00:00:00.000000Z", "content", "unresolved", "declared", "machine"),
    *([1, "loss", 0.5], [[1, "loss", 0.5]]),
)


@pytest.mark.parametrize("data", DISPUTED, ids=lambda data: data[:20])
def test_what_readers_disagree_about_is_read_alike(modules: Modules, data: bytes) -> None:
    assert read_there(modules, data) == read_here(data)


def test_there_is_an_event_of_nearly_every_kind() -> None:
    assert len(EVENTS) >= 17


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: json.loads(event)["kind"])
def test_events_are_read_alike_whatever_is_done_to_one_of_their_members(modules: Modules, event: bytes) -> None:
    value = json.loads(event)
    for path in list(places(value)):
        holder, name = at(value, path[:-1]), path[-1]
        kept = holder[name]
        for new in ODD:
            holder[name] = new
            alike(modules, outcome(encode, value))
        if isinstance(holder, dict):
            del holder[name]
            alike(modules, encode(value))
        holder[name] = kept
        if isinstance(holder, dict):
            alike(modules, encode(value | {"surprise": 1}))


@QUIET
@given(st.sampled_from(EVENTS), st.data())
def test_events_are_read_alike_whatever_stands_in_them(modules: Modules, event: bytes, drawn: st.DataObject) -> None:
    value = json.loads(event)
    for _ in range(drawn.draw(st.integers(1, 3))):
        path = drawn.draw(st.sampled_from(list(places(value))))
        at(value, path[:-1])[path[-1]] = drawn.draw(JSON)
    alike(modules, outcome(encode, value))


def alike(modules: Modules, event: Any) -> None:
    """Read the same, here and there. Of tagged numbers the page knows only the spellings that we write."""
    if event is CognifyError:
        return
    here = outcome(lambda: parse_event(event).encode())
    there = outcome(modules.ask, "event", text=event.decode())
    if there is CognifyError and (b'"$int"' in event or b'"$float"' in event):
        return
    assert (there if there is CognifyError else there.encode()) == here, event


@st.composite
def bodies(draw: st.DrawFn) -> list[Any]:
    """Artifacts whose ids clash, whose inputs may lead nowhere or in a circle, and links between them."""
    refs = [f"r{number}\U0001f512" if number % 3 else f"r{number}\uffee" for number in range(draw(st.integers(1, 6)))]
    known = (
        st.sampled_from([*refs, "@outside"]) if draw(st.booleans()) else st.sampled_from([*refs, "@outside", "nowhere"])
    )
    made: list[Any] = []
    for ref in refs:
        inputs = tuple(draw(st.lists(known, max_size=2)))
        named: dict[str, Any] = {"ref": ref, "id": draw(st.sampled_from(["one", "two"])), "inputs": inputs}
        kind = draw(st.sampled_from([dataset, config, checkpoint, evaluation]))
        if draw(st.booleans()):
            named |= {"hash": None, "assurance": "unresolved", "reason": "gone", "manifest": None}
        made.append(kind(**named))
    return made


@QUIET
@given(bodies(), st.booleans())
def test_lineages_are_folded_alike(modules: Modules, made: list[Any], complete: bool) -> None:
    closing: dict[str, Any] = {} if complete else {"complete": False, "reasons": ("disk full",)}
    events = record(whole(made, **closing))
    here = outcome(lambda: fold(parse_event(event) for event in events))
    if here is not CognifyError:
        document = here.document(RUN_ID, "", "")
        here = encode({name: document[name] for name in ("nodes", "edges")}).decode()
    there = outcome(modules.ask, "fold", texts=[event.decode() for event in events])
    assert there == here


def test_packages_of_everything_that_anybody_can_say_hold(modules: Modules) -> None:
    stated = attestation(form="phi", claim="None.", datasets=(), facts={"basis": "no_phi"})
    facts = {"form": "cognify.evaluation/v1", "how": "declared", "metrics": [{"name": "f1", "value": 0.5}]}
    declared = evaluation(assurance="declared", facts=facts, ref="declared", id="eval_declared")
    long = note(text="\U0001f512" * 161, note_kind="x" * 100)
    odd = dossier(dataset(), stated, declared, gap(mend=None), long, phase(""))
    for each in (bare(), rich(), sample(), odd):
        data = package(each.run, each.addenda)
        report = modules.ask("verify", data=b64encode(data).decode(), keys=SIGNER.public_key.pem.decode())
        assert report["exit_code"] == 0, [found for found in report["findings"] if found["verdict"] != "ok"]


def test_an_evaluation_that_is_called_declared_and_is_not_is_left_open(modules: Modules) -> None:
    for how in ("declared", {"$text": b64encode(b"declared").decode()}):
        each = dossier(evaluation(facts={"form": "cognify.evaluation/v1", "how": how}))
        data = package(each.run)
        report = modules.ask("verify", data=b64encode(data).decode(), keys=SIGNER.public_key.pem.decode())
        assert report["exit_code"] == 2
        assert any("the status of row" in found["message"] for found in report["findings"])


def test_a_package_that_a_server_received_holds(modules: Modules) -> None:
    run = sealed_run()
    received = Received(first="2025-09-12T14:30:22Z", last="2025-09-12T16:44:59Z", parts=3)
    statement = seal_statement(run.record, SEALED_AT, None, received)
    data = package(replace(run, bundle=Bundle.signed(statement.encode(), SIGNER).encode()))
    report = modules.ask("verify", data=b64encode(data).decode(), keys=SIGNER.public_key.pem.decode())
    assert (report["exit_code"], report["sections"]["anchor"]) == (0, "ok")


@needs_vectors
@pytest.mark.parametrize("path", _vectors("inclusion"), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_inclusion_vectors(modules: Modules, path: Path) -> None:
    vector = json.loads(path.read_text())
    leaf, root, index, size = (vector[name] or "" for name in ("leafHash", "root", "leafIdx", "treeSize"))
    proof = vector["proof"] or []
    found = outcome(modules.ask, "inclusion", leaf=leaf, root=root, index=index or 0, size=size or 0, path=proof)
    assert (found is CognifyError) == vector["wantErr"]


@needs_vectors
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_the_vectors_of_rfc_8785_are_read(modules: Modules, name: str) -> None:
    data = (JCS / "output" / f"{name}.json").read_bytes()
    assert read_there(modules, data) == data


@QUIET
@given(st.integers(0, 71), st.binary(max_size=3), st.integers(0, 3))
def test_signatures_have_one_spelling_here_as_well(modules: Modules, place: int, filling: bytes, cut: int) -> None:
    from cognify_core.errors import VerificationError
    from cognify_core.seal.signing import low_s

    true = SIGNER.sign(b"message")
    data = true[:place] + filling + true[place + cut :]
    try:
        expected = low_s(data) == data
    except VerificationError:
        expected = False
    assert modules.ask("signature", data=b64encode(data).decode()) == expected
    assert modules.ask("signature", data=b64encode(b64decode(b64encode(true))).decode())
