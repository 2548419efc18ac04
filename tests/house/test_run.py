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
    monkeypatch.setattr(run, "run", lambda *words, **_: asked.append(words[2]) or (0 if "uv==" in words[-1] else 1))
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


def test_the_exit_code_is_pytests_or_a_failed_checks(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "install", lambda name: None)
    monkeypatch.setattr(run, "chromium", lambda: "/usr/bin/true")
    for bad, expected in (("", 0), ("ruff", 1), ("pytest", 1), ("makemigrations", 1)):
        monkeypatch.setattr(
            run, "run", lambda *words, bad=bad, **_: int(bool(bad) and any(bad in word for word in words))
        )
        monkeypatch.setattr(run, "lanes", lambda environ, bad=bad: int(bad == "pytest"))
        assert run.test([]) == expected, bad


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (0, 1), (3, 1)])
def test_both_lanes_of_the_tests_count_and_share_no_data(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    first: int, second: int,
) -> None:  # fmt: skip
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase "$*" in *--ignore*) echo "in $DATA_DIR"; exit {second};; esac\nexit {first}\n')
    python.chmod(0o755)
    monkeypatch.setattr(run, "PYTHON", python)
    assert bool(run.lanes({**os.environ, "DATABASE_URL": ""})) == bool(first or second)
    assert f"in {tmp_path}/.local/test-2" in capfd.readouterr().out


def test_every_folder_of_the_first_lane_is_there(run: ModuleType) -> None:
    assert all((ROOT / "tests" / name).is_dir() for name in run.FIRST_LANE)


def test_ci_calls_the_second_command_and_is_executable() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "exec python3 run.py test"
