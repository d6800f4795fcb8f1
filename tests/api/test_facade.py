from __future__ import annotations

import subprocess
import sys

import cognify
from cognify_core import api

HEAVY = [
    *("torch", "transformers", "peft", "datasets", "pandas", "pyarrow", "numpy", "mlflow"),
    *("sqlalchemy", "alembic", "fastapi", "reportlab", "openpyxl", "boto3"),
]


def test_the_facade_has_the_names_that_it_promises_and_no_others() -> None:
    public = {name for name in vars(cognify) if not name.startswith("_")}
    assert public == set(cognify.__all__)


def test_the_facade_holds_no_logic() -> None:
    for name in cognify.__all__:
        assert getattr(cognify, name).__module__.startswith("cognify_core.")


def test_every_function_is_that_of_the_api() -> None:
    shared = set(cognify.__all__) & set(api.__all__)
    assert shared >= {"init", "run", "dataset", "eval", "note", "attest", "export_audit", "verify"}
    for name in shared:
        assert getattr(cognify, name) is getattr(api, name)


def test_importing_cognify_imports_nothing_heavy() -> None:
    program = f"import sys, cognify; print([name for name in {HEAVY} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == "[]"


def test_importing_cognify_reads_few_modules() -> None:
    """Time differs from machine to machine; the number of modules does not."""
    program = "import sys; before = len(sys.modules); import cognify; print(len(sys.modules) - before)"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert int(printed) < 100


def test_threads_that_ask_at_once_get_one_session() -> None:
    program = """
import sys, threading
sys.setswitchinterval(1e-6)
from cognify_core import api
begin, found = threading.Barrier(16), []
def ask():
    begin.wait()
    found.append(api.this_session())
threads = [threading.Thread(target=ask) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(found), len(set(map(id, found))))
"""
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert printed.split() == ["16", "1"]
