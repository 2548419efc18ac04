"""run.py: what a newcomer sees when something is wrong is one line; arguments and exit codes go through."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module run.py, looking at an empty folder."""
    spec = importlib.util.spec_from_file_location("run_under_test", ROOT / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv/bin/python")
    return module


def said(call: object, *args: object) -> str:
    with pytest.raises(SystemExit) as caught:
        call(*args)  # type: ignore[operator]
    assert isinstance(caught.value.code, str)
    assert "\n" not in caught.value.code
    return caught.value.code


def test_an_old_python_is_one_line(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.sys, "version_info", (3, 10, 0))
    assert "needs Python 3.11 or newer" in said(run.main)


def test_an_unknown_word_is_one_line() -> None:
    done = subprocess.run([sys.executable, "run.py", "tset"], cwd=ROOT, capture_output=True, text=True, check=False)
    expected = "fly2any: unknown command 'tset'; known: test, manage, or nothing to start the site\n"
    assert (done.returncode, done.stderr) == (1, expected)


def test_no_venv_module_is_one_line(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "run", lambda *words, **_: 1)
    assert "apt-get install python3-venv" in said(run.make_venv)


def test_an_index_out_of_reach_is_one_line_and_tries_pip_after_uv(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("django==5\n")
    (tmp_path / ".venv").mkdir()
    asked: list[str] = []
    monkeypatch.setattr(run, "run", lambda *words, **_: asked.append(words[2]) or (0 if "-uv." in words[-1] else 1))
    assert "cannot install requirements.txt" in said(run.install, "requirements.txt")
    assert asked == ["pip", "uv", "pip"]
    assert list((tmp_path / ".venv").iterdir()) == []  # the next start tries again


def test_installed_requirements_are_not_installed_again_until_they_change(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("django==5\n")
    (tmp_path / ".venv").mkdir()
    asked: list[object] = []
    monkeypatch.setattr(run, "run", lambda *words, **_: asked.append(words) or 0)
    run.install("requirements.txt")
    run.install("requirements.txt")
    assert len(asked) == 2  # uv itself, then the requirements
    wanted.write_text("django==6\n")
    run.install("requirements.txt")
    assert len(asked) == 4


def test_no_browser_anywhere_is_one_line(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(run.shutil, "which", lambda name: None)
    monkeypatch.setattr(run, "MAC_CHROMIUM", [])
    monkeypatch.setattr(run, "run", lambda *words, **_: 1)
    assert "the browser tests need Chromium: install chromium" in said(run.chromium)


def test_the_headless_shell_is_asked_for_once_and_what_is_here_serves_without_it(
        run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    here = {"apt-get": "/usr/bin/apt-get", "chromium": "/usr/bin/chromium"}
    asked: list[str] = []
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(run.platform, "system", lambda: "Linux")
    monkeypatch.setattr(run.os, "geteuid", lambda: 0)
    monkeypatch.setattr(run, "atomic_here", lambda debian: True)
    monkeypatch.setattr(run.shutil, "which", here.get)
    monkeypatch.setattr(run, "run", lambda *words, **_: asked.append(words[-1]) or 1)
    assert [run.chromium(), run.chromium()] == ["/usr/bin/chromium"] * 2
    assert asked == ["update", "chromium-headless-shell"]
    here["chromium-headless-shell"] = "/usr/bin/chromium-headless-shell"
    assert run.chromium() == "/usr/bin/chromium-headless-shell"
    monkeypatch.setenv("CHROMIUM", "/opt/mine")
    assert run.chromium() == "/opt/mine"
    assert len(asked) == 2


def test_the_exit_code_is_pytests_or_a_failed_checks(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "install", lambda name: None)
    monkeypatch.setattr(run, "chromium", lambda: "/usr/bin/true")
    for bad, expected in (("", 0), ("ruff", 1), ("pytest", 1), ("makemigrations", 1)):
        monkeypatch.setattr(
            run, "run", lambda *words, bad=bad, **_: int(bool(bad) and any(bad in word for word in words))
        )
        monkeypatch.setattr(run, "lanes", lambda environ, meanwhile, bad=bad: meanwhile() or int(bad == "pytest"))
        assert run.test([]) == expected, bad


REPORT = """<testsuites><testsuite tests="2" time="1.5"><testcase classname="tests.a.test_b" name="test_fine"/>
<testcase classname="tests.a.test_b" name="test_of_{lane}">{end}</testcase></testsuite></testsuites>"""
LANE = r"""#!/bin/sh
lane=last; case "$*" in *lane-1.xml*) lane=first;; esac
for word in "$@"; do case "$word" in --junitxml=*) report="${word#--junitxml=}";; esac; done
echo "the $lane lane in $DATA_DIR"
[ -e "%s/$lane.xml" ] || exit 3
cp "%s/$lane.xml" "$report"; grep -q "<failure\|<error" "$report" && exit 1; exit 0
"""


@pytest.mark.parametrize(("first", "last"), [("", ""), ("<failure/>", ""), ("", "<failure/>"), (None, ""), ("", "<error/>")])
def test_every_lane_counts_shares_no_data_and_the_last_lines_name_what_failed(
        run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str],
        first: str | None, last: str) -> None:
    python = tmp_path / "python"
    python.write_text(LANE % (tmp_path, tmp_path))
    python.chmod(0o755)
    for lane, end in (("first", first), ("last", last)):
        if end is not None:
            (tmp_path / f"{lane}.xml").write_text(REPORT.format(lane=lane, end=end))
    monkeypatch.setattr(run, "PYTHON", python)
    monkeypatch.setattr(run, "LANES", [["a"]])
    beside: list[int] = []
    status = run.lanes({**os.environ, "DATABASE_URL": "", "DATA_DIR": "ours"}, lambda: beside.append(1))
    lines = capfd.readouterr().out.splitlines()
    assert bool(status) == bool(first != "" or last)
    assert beside == [1]
    assert f"the first lane in {tmp_path}/.local/test-1" in lines
    assert "the last lane in ours" in lines
    told = lines[lines.index(f"the first lane in {tmp_path}/.local/test-1") + 1:]
    expected = ["fly2any: lane 1 ended without a report"] if first is None else [
        f"fly2any: lane 1: 2 tests, {int(bool(first))} failed, 2 s"]
    expected += ["fly2any: FAILED tests.a.test_b::test_of_first"] * bool(first)
    expected += [f"fly2any: lane 2: 2 tests, {int(bool(last))} failed, 2 s"]
    expected += ["fly2any: FAILED tests.a.test_b::test_of_last"] * bool(last)
    assert told == expected


def test_every_folder_of_a_lane_is_there_and_in_one_lane_only(run: ModuleType) -> None:
    named = [name for lane in run.LANES for name in lane]
    assert all((ROOT / "tests" / name).is_dir() for name in named)
    assert len(named) == len(set(named))


def test_ci_calls_the_second_command_and_is_executable() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "exec python3 run.py test"
