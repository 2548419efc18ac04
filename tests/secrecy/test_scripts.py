"""The written list of scripts is what pages serve; whatever else a page would run is told."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from fly2any import scripts
from fly2any.management.commands import check_scripts
from fly2any.scripts import PAGES, SCRIPTS, STRIPE, wrong_with

ROOT = Path(scripts.__file__).resolve().parents[1]
POLICY = "default-src 'none'; script-src 'self' 'nonce-x'; object-src 'none'"
SITE = "https://fly.example"
REVIEW = f"{SITE}/checkout/0/review"


def test_every_script_of_ours_on_a_page_has_a_purpose_and_nothing_else_lies_there() -> None:
    named = {name for _, names in PAGES for name in names}
    assert named == set(SCRIPTS)
    there = {f"js/{path.name}" for path in (ROOT / "static" / "js").glob("*.js")}
    assert there - set(SCRIPTS) == {"js/console-queue.js"}  # the console's, behind its own door
    assert set(SCRIPTS) - there == {STRIPE}
    for script in SCRIPTS.values():
        assert len(script.purpose) > 20 and script.owner in ("Fly2Any", "Stripe")
    assert [path for path, names in PAGES if STRIPE in names] == [r"/checkout/[^/]+/review", r"/trips/[^/]+/pay"]


def test_the_page_of_security_shows_the_list() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    for script in SCRIPTS.values():
        pages = ", ".join(f"`{path}`" for path, names in PAGES if script.name in names)
        assert f"| `{script.name}` | {script.owner} | {script.purpose} | {pages} |" in text, script


def served(*tags: str) -> str:
    return "<!doctype html><html><body>" + "".join(tags) + "</body></html>"


OURS = '<script src="/static/js/pay.js" defer></script>'


@pytest.mark.parametrize(("html", "policy", "said"), [
    (served('<script src="https://evil.example/x.js"></script>'), POLICY, "loads https://evil.example/x.js"),
    (served('<script src="//cdn.example/x.js"></script>'), POLICY, "loads https://cdn.example/x.js"),
    (served('<script src="/static/js/search.js"></script>'), POLICY, "loads js/search.js"),
    (served('<script src="/media/pay.js"></script>'), POLICY, "loads https://fly.example/media/pay.js"),
    (served("<SCRIPT>steal()</SCRIPT>"), POLICY, "a script without an address"),
    (served('<img src=x onerror="steal()">'), POLICY, "onerror on <img>"),
    (served('<a href=" JavaScript:steal()">x</a>'), POLICY, "code as href of <a>"),
    (served('<base href="https://evil.example/">', OURS), POLICY, "<base>"),
    (served(OURS), "", "its policy lets any script run"),
    (served(OURS), POLICY.replace("'nonce-x'", "'unsafe-inline'"), "its policy lets any script run"),
    (served(OURS), POLICY.replace("'self'", "https:"), "its policy lets any script run")])
def test_whatever_else_a_payment_page_would_run_is_told(html: str, policy: str, said: str) -> None:
    told = wrong_with(REVIEW, html, policy)
    assert len(told) >= 1 and any(said in line for line in told), told


def test_a_page_as_written_is_told_nothing_about(settings: Any) -> None:
    settings.STRIPE_JS_URL = "https://js.stripe.com/v3/"
    html = served('<script src="https://js.stripe.com/v3/" defer></script>', '<script src="/static/js/pay.0123456789ab.js"></script>',
                  '<script type="application/json">{"a": 1}</script>')
    policy = POLICY.replace("'self'", "'self' https://js.stripe.com https://*.js.stripe.com")
    assert wrong_with(REVIEW, html, policy) == []
    assert len(wrong_with(f"{SITE}/", html, policy)) == 3  # two scripts, and a policy that lets Stripe's run


def fetching(pages: dict[str, tuple[bytes, str]]) -> Any:
    return staticmethod(lambda address, cookie: pages[address])


def test_the_command_compares_pages_and_the_bytes_of_our_scripts(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SITE_URL = SITE
    own = (ROOT / "static/js/search.js").read_bytes()
    home = served('<script src="/static/js/search.js"></script>').encode()
    pages = {f"{SITE}/": (home, POLICY), f"{SITE}/flights": (home, POLICY), f"{SITE}/static/js/search.js": (own, "")}
    monkeypatch.setattr(check_scripts.Command, "_fetch", fetching(pages))
    out = StringIO()
    call_command("check_scripts", stdout=out)
    assert out.getvalue() == "2 pages, 1 scripts of ours: as written\n"
    pages[f"{SITE}/static/js/search.js"] = (own + b"\nfetch('https://evil.example')", "")
    with pytest.raises(CommandError, match="is not the js/search.js of this release"):
        call_command("check_scripts")
    pages[f"{SITE}/flights"] = (home.replace(b"</body>", b"<script>x()</script></body>"), POLICY)
    with pytest.raises(CommandError, match="/flights: runs a script without an address"):
        call_command("check_scripts")
    with pytest.raises(CommandError, match="is not a path of"):
        call_command("check_scripts", "https://evil.example/")
