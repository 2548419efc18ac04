"""What we ask of others: hosts that settings name, over https with a true certificate, no redirect, no proxy."""

from __future__ import annotations

import ast
import contextlib
import datetime
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings as site
from django.core.mail.backends.smtp import EmailBackend

from fly2any import checks
from fly2any.kernel import http
from fly2any.kernel.errors import Outside
from payments.gateways.stripe import gateway as stripe_gateway
from suppliers.amadeus import adapter as amadeus_adapter
from suppliers.duffel import adapter as duffel_adapter
from suppliers.duffel import mapping
from suppliers.reading import web_address

BASES = ("DUFFEL_API_BASE", "STRIPE_API_BASE", "AMADEUS_API_BASE")
# the only files that may open a connection to somebody else
SPEAK = {"fly2any/kernel/http.py", "suppliers/duffel/client.py", "suppliers/amadeus/wire.py", "suppliers/amadeus/client.py",
         "payments/gateways/stripe/client.py"}
WAYS_OUT = {"requests", "urllib3", "httpx", "http.client", "urllib.request", "aiohttp", "ftplib", "smtplib", "telnetlib"}
NEAR = {"fly2any/stack/site.py",  # asks our own /readyz at 127.0.0.1
        "fly2any/management/commands/check_scripts.py",  # asks our own site at SITE_URL, no other host, no redirect
        "bookings/rehearsal/outside.py"}  # moves the sandbox in a rehearsal, which a site with real addresses refuses

pytestmark = pytest.mark.django_db(transaction=True)


def _ask_duffel() -> None:
    duffel_adapter.from_settings().order("ord_1")


def _ask_amadeus() -> None:
    amadeus_adapter.from_settings().order("ord_1")


def _ask_stripe() -> None:
    stripe_gateway.from_settings().get("pi_1")


def _tell_chat() -> None:
    http.post_json(site.ALERT_WEBHOOK_URL, {"text": "x"})


CLIENTS = pytest.mark.parametrize("ask", [_ask_duffel, _ask_amadeus, _ask_stripe, _tell_chat])


class Peer:
    """A server that notes who asks it, and sends everybody on to `onward` where there is one."""

    def __init__(self, onward: str = "", context: ssl.SSLContext | None = None) -> None:
        heard: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                heard.append(f"{self.command} {self.path}")
                self.send_response(302 if onward else 200)
                self.send_header("Location", onward)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None: ...

            do_GET = do_POST = _answer

        self.heard, self.server = heard, ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def every_address(settings: Any, base: str) -> None:
    for name in BASES:
        setattr(settings, name, f"{base}/v")
    settings.ALERT_WEBHOOK_URL = f"{base}/hook"
    settings.AMADEUS_CLIENT_ID, settings.AMADEUS_CLIENT_SECRET = "x", "y"


@pytest.fixture(scope="module")
def false_certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that nobody signed but itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(key, hashes.SHA256()))
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@CLIENTS
def test_nobody_is_sent_on(ask: Callable[[], None], settings: Any) -> None:
    with Peer() as inside, Peer(onward=f"http://127.0.0.1:{inside.port}/latest/meta-data") as outside:
        every_address(settings, f"http://127.0.0.1:{outside.port}")
        with pytest.raises((Outside, http.NotDelivered)):
            ask()
        assert outside.heard and inside.heard == []


@CLIENTS
def test_nothing_is_said_to_a_server_with_a_false_certificate(
        ask: Callable[[], None], settings: Any, false_certificate: ssl.SSLContext) -> None:
    with Peer(context=false_certificate) as peer:
        every_address(settings, f"https://localhost:{peer.port}")
        with pytest.raises((Outside, http.NotDelivered)):
            ask()
        assert peer.heard == []


def test_mail_is_not_given_to_a_server_with_a_false_certificate(false_certificate: ssl.SSLContext) -> None:
    with Peer(context=false_certificate) as peer:
        with pytest.raises(ssl.SSLCertVerificationError):
            EmailBackend(host="localhost", port=peer.port, use_ssl=True, timeout=5).open()
        assert peer.heard == []


@CLIENTS
def test_the_machines_proxy_hears_nothing(ask: Callable[[], None], settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with Peer() as proxy, Peer() as peer:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        every_address(settings, f"http://127.0.0.1:{peer.port}")
        with contextlib.suppress(Outside):
            ask()
        assert proxy.heard == [] and peer.heard


@pytest.mark.parametrize("address", [
    "http://api.duffel.com/air", "https://api.duffel.com.evil.example/", "https://api.duffel.com@evil.example/",
    "https://evil.example@api.duffel.com/", "https://api.duffel.com:444/", "https://169.254.169.254/latest/meta-data",
    "http://127.0.0.1/", "http://[::1]/", "https://localhost/", "file:///etc/passwd", "gopher://api.duffel.com/", "//api.duffel.com/",
    "https://api.duffel.com\\.evil.example/", "https://api.duffel.com#@evil.example/", "https:///api.duffel.com", ""])
def test_an_address_that_looks_like_ours_is_not(address: str, settings: Any) -> None:
    every_address(settings, "https://api.duffel.com")
    http.guard("https://api.duffel.com/air/offers")
    if address.partition("#")[0] == "https://api.duffel.com":
        http.guard(address)  # what stands behind # is never sent: this is our own host
        return
    with pytest.raises(http.HostNotAllowed):
        http.guard(address)


def test_plain_http_is_for_this_machine_only(settings: Any) -> None:
    assert checks.others_are_asked_over_https() == []
    every_address(settings, "http://api.duffel.com")
    for ask in (_ask_duffel, _ask_amadeus, _ask_stripe, _tell_chat):
        with pytest.raises(http.HostNotAllowed):
            ask()
    assert {found.msg.split()[0] for found in checks.others_are_asked_over_https()} == set(BASES)


@pytest.mark.parametrize("given", ["javascript:alert(1)", "http://airline.example", "https://a.example/\"onclick=x", "data:text/html,x",
                                   "//a.example", " https://a.example", "https://a.example/\n", "HTTPS", None, 7, "\x00", "https://a\x00"])
def test_a_suppliers_link_is_an_https_address_or_none(given: object) -> None:
    assert web_address(given) == ""
    assert web_address("https://www.aa.com/conditions?a=1&b=2") == "https://www.aa.com/conditions?a=1&b=2"
    assert "web_address(owner.get(" in Path(mapping.__file__).read_text()


def test_only_the_clients_can_speak_to_others() -> None:
    speaks = set()
    for root in ("fly2any", "bookings", "payments", "suppliers"):
        for path in (site.BASE_DIR / root).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else (
                    [node.module or ""] if isinstance(node, ast.ImportFrom) else [])
                if any(name == way or name.startswith(f"{way}.") for name in names for way in WAYS_OUT):
                    speaks.add(str(path.relative_to(site.BASE_DIR)))
    assert speaks - NEAR <= SPEAK, speaks - NEAR - SPEAK


@pytest.fixture(autouse=True)
def healthy() -> Iterator[None]:
    from suppliers import breaker

    yield
    breaker.reset()
