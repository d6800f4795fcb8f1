"""`cognify run`: the program behaves as without us, and what it records is named at the end."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.running import PROGRAM, ROOT, cognify, environment, json_of

pytestmark = pytest.mark.slow

RECORDS = "import cognify\nwith cognify.run() as run:\n    run.log({'loss': 0.5}, step=1)\n"
WAITS = """
import os, select, signal
woken, wakes = os.pipe()
os.set_blocking(wakes, False)
signal.set_wakeup_fd(wakes)  # a handler in Python may have to wait until what blocks has returned
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT):
    signal.signal(number, lambda *_: None)
os.write(1, b"ready\\n")
while 0 not in (ready := select.select([0, woken], [], [])[0]):
    for number in os.read(woken, 64):
        os.write(1, signal.Signals(number).name.encode() + b"\\n")
"""


def run(folder: Path, *words: object, **more: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, "run", *map(str, words)]
    where = environment(folder / "home", **more)
    return subprocess.run(command, cwd=folder, env=where, capture_output=True, text=True, timeout=120, input="")


@pytest.mark.parametrize("code", [0, 1, 2, 77])
def test_the_exit_code_is_the_programs(tmp_path: Path, code: int) -> None:
    assert run(tmp_path, "--", sys.executable, "-c", f"raise SystemExit({code})").returncode == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_program_that_a_signal_ends_gives_the_code_that_a_shell_gives(tmp_path: Path, number: signal.Signals) -> None:
    program = f"import os; os.kill(os.getpid(), {int(number)})"
    assert run(tmp_path, "--", sys.executable, "-c", program).returncode == 128 + number


def test_stdin_stdout_stderr_and_arguments_are_the_programs_own(tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(
        "import sys\nprint(sys.argv[1:], sys.stdin.read())\nprint('to stderr', file=sys.stderr)\n"
    )
    command = [*PROGRAM, "run", "--", sys.executable, "told.py", "--name", "x", "--", "y"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path / "home"), capture_output=True, text=True, input="from stdin"
    )
    assert done.stdout == "['--name', 'x', '--', 'y'] from stdin\n"
    assert done.stderr.splitlines()[0] == "to stderr"
    assert done.stderr.splitlines()[1:] == [line for line in done.stderr.splitlines() if line.startswith("cognify: ")]


def test_signals_sent_to_us_reach_the_program(tmp_path: Path) -> None:
    command = [*PROGRAM, "run", "--", sys.executable, "-c", WAITS]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(tmp_path / "home"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stdin
        assert started.stdout
        assert started.stdout.readline() == "ready\n"
        for name in ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGINT"):
            started.send_signal(signal.Signals[name])
            assert started.stdout.readline() == f"{name}\n"
        started.stdin.close()
        assert started.wait(30) == 0


def test_what_the_terminal_sends_reaches_the_program_once(tmp_path: Path) -> None:
    main, side = pty.openpty()
    command = [*PROGRAM, "run", "--", sys.executable, "-c", WAITS]
    where = environment(tmp_path / "home")
    with subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command], cwd=tmp_path, env=where, stdin=side, stdout=side, stderr=side
    ) as started:
        os.close(side)
        shown = _until(main, b"ready")
        os.write(main, b"\x03")
        shown += _until(main, b"SIGINT")
        time.sleep(0.3)  # a second one would have come by now
        os.write(main, b"\n")
        assert started.wait(30) == 0
        shown += _until(main, b"nothing was recorded")
    os.close(main)
    assert shown.count(b"SIGINT") == 1


def _until(terminal: int, wanted: bytes) -> bytes:
    shown = b""
    while wanted not in shown:
        shown += os.read(terminal, 65536)
    return shown


def test_ctrl_c_without_a_handler_ends_with_130(tmp_path: Path) -> None:
    program = "import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGINT)"
    assert run(tmp_path, "--", sys.executable, "-c", program).returncode == 130


@pytest.mark.parametrize("options", [[], ["-E"], ["-s"], ["-I"], ["-X", "utf8", "-W", "error"], ["-Bu"]])
def test_what_records_is_loaded_whatever_the_interpreter_is_told(tmp_path: Path, options: list[str]) -> None:
    program = "import sys; print('cognify_integrations.auto' in sys.modules)"
    done = run(tmp_path, "--", sys.executable, *options, "-c", program)
    assert (done.returncode, done.stdout) == (0, "True\n")


def refused(folder: Path, *words: object) -> str:
    """What is said of a command that is not started, as a file that it does not write shows."""
    done = run(folder, "--", *words)
    assert done.returncode == 2, done.stderr
    assert not (folder / "started").exists()
    assert done.stderr.count("\n") == 1
    return done.stderr


START = "open('started', 'w').close()"


@pytest.mark.parametrize("options", [["-S"], ["-IS"], ["-W", "error", "-S"]])
def test_a_python_without_site_is_not_started(tmp_path: Path, options: list[str]) -> None:
    assert "leave -S out" in refused(tmp_path, sys.executable, *options, "-c", START)


def test_a_python_without_cognify_is_not_started(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "other"], check=True)
    said = refused(tmp_path, tmp_path / "other/bin/python", "-I", "-c", START)
    assert "install cognify-audit into it" in said
    assert sys.executable in said


def test_a_python_that_only_finds_cognify_in_a_folder_is_not_started(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "other"], check=True)
    assert "cognify_auto.pth is not in" in refused(tmp_path, tmp_path / "other/bin/python", "-c", START)


def test_what_is_not_python_is_not_started(tmp_path: Path) -> None:
    script = tmp_path / "train.sh"
    script.write_text("#!/bin/sh\ntouch started\n")
    script.chmod(0o755)
    assert "is not Python: write `cognify run --` right before" in refused(tmp_path, "bash", "-c", "touch started")
    assert "is not Python" in refused(tmp_path, script)
    assert "no such program; to run a script" in refused(tmp_path, "train.py")


@pytest.mark.parametrize(
    "begin",
    [
        f"#!{sys.executable} -E\n",
        "#!/usr/bin/env python\n",
        f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''\n",
    ],
    ids=["named", "env", "pip's for long paths"],
)
def test_a_program_written_in_python_is_known_by_its_first_line(tmp_path: Path, begin: str) -> None:
    program = tmp_path / "trains"
    program.write_text(begin + "import sys; print('cognify_integrations.auto' in sys.modules, sys.argv[1:])\n")
    program.chmod(0o755)
    done = run(tmp_path, "--", program, "-S", PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert done.stdout == "True ['-S']\n", done.stderr


def test_a_store_that_cannot_be_opened_is_told_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    done = run(tmp_path, "--", sys.executable, "-c", START)
    assert done.returncode == 2
    assert not (tmp_path / "started").exists()


def test_the_last_line_names_what_was_recorded(tmp_path: Path) -> None:
    done = run(tmp_path, "--project", "clinical-nlp", "--name", "tuesday", "--", sys.executable, "-c", RECORDS)
    (row,) = json_of(tmp_path, "ls")["runs"]
    assert (row["project"], row["name"], row["status"]) == ("clinical-nlp", "tuesday", "AUDIT_SEALED")
    (package,) = (tmp_path / "home/packages").glob("*/*_?????.json")
    last = done.stderr.splitlines()[-1]
    assert last == f"cognify: recorded {row['run_id']} AUDIT_SEALED, package {package}"


def test_a_run_that_was_killed_is_named_with_what_seals_it(tmp_path: Path) -> None:
    killed = RECORDS + "    import os\n    os.kill(os.getpid(), 9)\n"
    done = run(tmp_path, "--", sys.executable, "-c", killed)
    assert done.returncode == 137
    (row,) = json_of(tmp_path, "ls")["runs"]
    assert row["status"] == "INTERRUPTED"
    assert f"seal it with `cognify seal {row['run_id']}`" in done.stderr.splitlines()[-1]


def test_the_last_line_says_why_nothing_may_have_been_recorded(tmp_path: Path) -> None:
    done = run(tmp_path, "--", sys.executable, "-c", "pass")
    assert done.stderr.splitlines() == [
        "cognify: nothing was recorded: the program loaded neither transformers.Trainer nor Lightning nor MLflow; "
        "a loop of its own records itself with `with cognify.run():`"
    ]
    assert run(tmp_path, "--", sys.executable, "-c", "pass", COGNIFY_QUIET="1").stderr == ""


def test_json_tells_the_runs_and_the_exit_code(tmp_path: Path) -> None:
    done = run(tmp_path, "--json", "--", sys.executable, "-c", RECORDS + "print('mine')\nraise SystemExit(5)")
    told = json.loads(done.stdout)
    assert (told["exit_code"], [each["status"] for each in told["runs"]]) == (5, ["AUDIT_SEALED"])
    assert "mine\n" in done.stderr


def test_where_cognify_is_off_anything_is_run_and_nothing_is_made(tmp_path: Path) -> None:
    done = run(tmp_path, "--", "sh", "-c", "echo mine; exit 3", COGNIFY_MODE="off")
    assert (done.returncode, done.stdout, done.stderr) == (3, "mine\n", "")
    assert not (tmp_path / "home").exists()


def test_a_python_that_was_told_nothing_loads_nothing(tmp_path: Path) -> None:
    program = "import sys; print([name for name in sys.modules if name.startswith('cognify')])"
    where = environment(tmp_path / "home")
    done = subprocess.run([sys.executable, "-c", program], env=where, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_line_that_each_python_reads_takes_no_time_and_loads_little(tmp_path: Path) -> None:
    line = (ROOT / "cognify_auto.pth").read_text("utf-8")
    program = f"import timeit; print(timeit.timeit({line!r}, number=1000) / 1000)"
    done = subprocess.run([sys.executable, "-c", program], env={}, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.0005
    heavy = ["torch", "transformers", "pyarrow", "pydantic", "sqlalchemy", "datasets", "numpy"]
    program = f"import sys; print(sorted(set(sys.modules) & set({heavy})), 'cognify_integrations.auto' in sys.modules)"
    told = environment(tmp_path / "home", COGNIFY_AUTO="1")
    done = subprocess.run([sys.executable, "-c", program], env=told, capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"


def test_help_says_how_it_ends(tmp_path: Path) -> None:
    told = " ".join(cognify(tmp_path, "run", "--help").stdout.split())
    assert "128+n where signal n ended it, and 2 where it was not started" in told
