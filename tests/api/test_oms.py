"""OMS bundles of real checkpoints: made from the digests alone, and accepted by `model_signing`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.api.exporting import Package
from cognify_core.canonical import encode
from cognify_core.capture.tree_manifest import TREE_FORMAT
from cognify_core.model.artifacts import ModelSeen
from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.verify.oms_models import models_of
from tests.cli.running import cognify
from tests.factories import MANIFESTS, OTHER_SIGNER, TIME, TREE, default_bodies, sealed_run, whole
from tests.tamper.attacking import leave, report_of, use

ODD = "ключ\n \\\"'$(x)\u202e.bin"


@dataclass(frozen=True)
class Signed:
    """A home with a sealed run whose checkpoints are gone, and copies of them."""

    home: Path
    run: str
    models: Path
    package: Path
    bundles: dict[str, Path]
    without: dict[str, str]

    def copied_to(self, path: Path) -> Signed:
        shutil.copytree(self.home.parent, path, symlinks=True)
        here = {id_: path / bundle.relative_to(self.home.parent) for id_, bundle in self.bundles.items()}
        package = path / self.package.relative_to(self.home.parent)
        use(path / "home")
        return Signed(path / "home", self.run, path / "models", package, here, self.without)


def _fill(folder: Path) -> None:
    plain, linked, bad = (folder / name for name in ("step-1", "step-2", "step-4"))
    for path in (
        plain / "deep/er",
        plain / "empty",
        plain / ".git",
        plain / "sub/.git",
        linked,
        bad,
        folder / "step-5",
    ):
        path.mkdir(parents=True)
    for number, name in enumerate(
        ("w.bin", ODD, "deep/er/w.bin", "deep.txt", ".gitattributes", ".git/x", "sub/.git/x")
    ):
        (plain / name).write_bytes(bytes([number]) * 1000)
    (linked / "w.bin").write_bytes(b"\1" * 1000)
    (linked / "link.bin").symlink_to("w.bin")
    (folder / "step-3.bin").write_bytes(b"\3" * 1000)
    (Path(str(bad)) / "w").write_bytes(b"x")
    with open(bytes(bad) + b"/\xff", "wb") as file:  # noqa: PTH123 - the name is no text
        file.write(b"x")
    (folder / "step-5" / ".gitignore").write_bytes(b"x")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """Checkpoints are hashed while the run goes on, and deleted or garbled before it is sealed."""
    folder = tmp_path_factory.mktemp("oms")
    _fill(folder / "models")
    shutil.copytree(folder / "models", folder / "gone", symlinks=True)
    use(folder / "home")
    with api.run("signed", seal="manual") as run:
        for step, name in enumerate(("step-1", "step-2", "step-3.bin", "step-4", "step-5"), start=1):
            run.checkpoint(folder / "gone" / name, step=step)
    api.this_session().settle(timeout=30)
    (folder / "gone/step-1/w.bin").write_bytes(b"garbled")
    for name in ("step-2", "step-4", "step-5"):
        shutil.rmtree(folder / "gone" / name)
    package: Package = api.export_audit(run.id)
    leave()
    bundles = {path.name.removesuffix(".sigstore.json"): path for path in package.oms.paths}
    return Signed(folder / "home", run.id, folder / "models", package.path, bundles, package.oms.without)


@pytest.fixture
def signed(made: Signed, tmp_path: Path) -> Iterator[Signed]:
    yield made.copied_to(tmp_path / "copy")
    leave()


def model_signing(model: Path, signature: Path, key: Path, *options: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("model_signing")
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(model), "--signature", str(signature)]
    return subprocess.run(
        [*command, "--public_key", str(key), *options], capture_output=True, text=True, check=False, timeout=120
    )


def test_final_weights_have_a_bundle_where_their_files_were_hashed_and_none_where_their_tensors_were() -> None:
    def final(manifest: bytes, form: str | None) -> list[str]:
        seen = {"assurance": "content", "hash": Digest.of(manifest), "manifest": form, "location": "~/out/final"}
        body = ModelSeen.model_validate({"ref": "final", "id": "model_final", "step": 20, "at": TIME} | seen)
        run = sealed_run(whole([*default_bodies(), body]), manifests=MANIFESTS | {str(Digest.of(manifest)): manifest})
        return [model.node_id for model in models_of(run) if b"resources" in model.statement]

    assert final(TREE, TREE_FORMAT) == final(b"one file's bytes", None) == ["ckpt_step_20", "model_final"]
    assert final(encode({"format": "cognify.weights/v1"}), "cognify.weights/v1") == ["ckpt_step_20"]


def test_bundles_are_made_of_checkpoints_that_are_no_longer_there(made: Signed) -> None:
    assert sorted(made.bundles) == ["ckpt_step_1", "ckpt_step_2", "ckpt_step_3"]
    assert {path.parent.name for path in made.bundles.values()} == {f"{made.run}.oms"}
    assert made.package.parent == made.bundles["ckpt_step_1"].parent.parent


def test_what_oms_cannot_speak_of_is_named(made: Signed) -> None:
    assert sorted(made.without) == ["ckpt_step_4", "ckpt_step_5"]
    assert "UTF-8" in made.without["ckpt_step_4"]
    assert "none in it" in made.without["ckpt_step_5"]


@pytest.mark.slow
def test_model_signing_accepts_the_checkpoint_and_refuses_a_changed_one(made: Signed, tmp_path: Path) -> None:
    key, model = made.home / "keys" / "signing.pub", tmp_path / "step-1"
    shutil.copytree(made.models / "step-1", model)
    found = model_signing(model, made.bundles["ckpt_step_1"], key)
    assert (found.returncode, "Verification succeeded" in found.stdout) == (0, True), found.stderr
    (model / ".gitattributes").write_bytes(b"OMS does not see this")
    (model / "empty" / "er").mkdir()
    assert model_signing(model, made.bundles["ckpt_step_1"], key).returncode == 0
    (model / ODD).write_bytes(b"and this it sees")
    changed = model_signing(model, made.bundles["ckpt_step_1"], key)
    assert (changed.returncode, "Hash mismatch" in changed.stderr) == (1, True)


@pytest.mark.slow
def test_model_signing_follows_links_where_it_is_told_to(made: Signed) -> None:
    key, bundle = made.home / "keys" / "signing.pub", made.bundles["ckpt_step_2"]
    assert model_signing(made.models / "step-2", bundle, key, "--allow_symlinks").returncode == 0
    assert model_signing(made.models / "step-2", bundle, key).returncode == 1


@pytest.mark.slow
def test_a_model_that_is_one_file_is_checked_in_its_folder(made: Signed) -> None:
    key, bundle = made.home / "keys" / "signing.pub", made.bundles["ckpt_step_3"]
    found = model_signing(made.models, bundle, key, "--ignore_unsigned_files")
    assert found.returncode == 0, found.stderr


def test_verify_looks_at_what_lies_beside_the_package(signed: Signed) -> None:
    report = api.verify(signed.package)
    (found,) = [finding for finding in report.findings if finding.code == "oms"]
    assert (report.exit_code, found.verdict) == (0, "ok")
    assert "3 OMS bundles" in found.message


def test_a_bundle_that_is_not_there_is_counted(signed: Signed) -> None:
    next(iter(signed.bundles.values())).unlink()
    report = report_of(signed.package)
    (found,) = [finding for finding in report.findings if finding.code == "oms"]
    assert report.exit_code == 0
    assert f"; of {1 + len(signed.without)} more of its models there is none here" in found.message


def resigned(path: Path, **changes: str) -> None:
    """Change a bundle's statement, and sign it with another key that is known by nobody."""
    statement = json.loads(Bundle.parse(path.read_bytes()).payload)
    statement["predicate"]["resources"][0] |= changes
    path.write_bytes(Bundle.signed(encode(statement), OTHER_SIGNER).encode())


def test_a_bundle_that_somebody_changed_is_refused(signed: Signed) -> None:
    path = signed.bundles["ckpt_step_1"]
    kept = path.read_bytes()
    for data, code in (
        (b"{}", "oms_form"),
        (b"", "oms_form"),
        (signed.bundles["ckpt_step_2"].read_bytes(), "oms_statement"),
        (kept.replace(b'"sig":"ME', b'"sig":"MF'), "oms_signature"),
    ):
        path.write_bytes(data)
        report = report_of(signed.package)
        assert (report.exit_code, code in report.codes) == (1, True), (code, report.codes)


def test_a_bundle_over_other_digests_is_refused_whoever_signed_it(signed: Signed) -> None:
    resigned(signed.bundles["ckpt_step_1"], digest="0" * 64)
    report = report_of(signed.package)
    assert (report.exit_code, report.codes >= {"oms_statement"}) == (1, True)


def test_a_bundle_of_another_key_is_not_believed(signed: Signed) -> None:
    resigned(signed.bundles["ckpt_step_1"])
    assert "oms_signature" in report_of(signed.package).codes


def test_a_bundle_of_no_model_of_the_run_is_named(signed: Signed) -> None:
    stray = signed.bundles["ckpt_step_1"].with_name("ckpt_step_9.sigstore.json")
    shutil.copy(signed.bundles["ckpt_step_1"], stray)
    assert any(stray.name in finding.message for finding in report_of(signed.package).contradictions)


def test_a_bundle_that_is_missing_is_not_missed_and_one_that_cannot_be_read_is(signed: Signed) -> None:
    signed.bundles["ckpt_step_1"].unlink()
    assert api.verify(signed.package).exit_code == 0
    signed.bundles["ckpt_step_1"].mkdir()
    assert report_of(signed.package).exit_code == 2


def test_the_first_bundle_is_kept_and_a_broken_one_made_anew(signed: Signed) -> None:
    before = {id_: path.read_bytes() for id_, path in signed.bundles.items()}
    signed.bundles["ckpt_step_2"].write_bytes(b"{}")
    api.export_audit(signed.run)
    after = {id_: path.read_bytes() for id_, path in signed.bundles.items()}
    assert [id_ for id_ in before if after[id_] != before[id_]] == ["ckpt_step_2"]
    assert api.verify(signed.package).exit_code == 0


def test_bundles_of_a_key_that_came_later_hold_beside_a_seal_of_the_old_one(signed: Signed) -> None:
    api.rotate_key(reason="a year has passed")
    signed.bundles["ckpt_step_1"].unlink()
    api.export_audit(signed.run)
    ids = {Bundle.parse(path.read_bytes()).key_id for path in signed.bundles.values()}
    assert (len(ids), api.verify(signed.package).exit_code) == (2, 0)


def test_the_command_line_says_what_was_written_and_what_was_not(signed: Signed) -> None:
    told = cognify(signed.home.parent, "export", signed.run).output
    assert "model signatures (OMS): 3 in" in told.replace("\n", "")
    assert "no model signature of ckpt_step_5" in told


def test_bundles_go_into_the_vault_with_their_package(signed: Signed, tmp_path: Path) -> None:
    package = api.export_audit(signed.run, vault=f"file://{tmp_path / 'vault'}?immutable=no")
    assert [fact.part for fact in package.kept] == ["package", "receipt", "oms", "oms", "oms"]
    put = tmp_path / "vault" / signed.run / package.package_hash.hex / f"{signed.run}.oms.ckpt_step_1.sigstore.json"
    assert put.read_bytes() == signed.bundles["ckpt_step_1"].read_bytes()
