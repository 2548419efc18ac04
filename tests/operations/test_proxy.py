"""nginx as docs/operations configures it, run for real: what reaches the site, what does not, and what is sent twice."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from bookings.api.errors import body_of
from fly2any.kernel.errors import Problem
from tests.customer import Customer, Market
from tests.operations.units import Deployed, Nginx
from tests.sandbox.process import wait_until
from tests.stack import free_port

HOST = "fly2any.test"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("nginx") is None or shutil.which("openssl") is None, reason=(
    "nginx or openssl is not installed here: apt-get install nginx-light openssl"))]


class Upstream(BaseHTTPRequestHandler):
    """Stands where gunicorn stands: keeps what came, waits when asked, drops the connection when asked."""

    protocol_version = "HTTP/1.1"
    came: list[dict[str, str]] = []

    def do_GET(self) -> None:
        """Answer after `/wait/<seconds>`, or never at `…/drop`."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Upstream.came.append({**{name.lower(): value for name, value in self.headers.items()}, "": self.path,
                              "method": self.command})
        if self.path.endswith("/drop"):
            self.close_connection = True
            return
        if self.path.startswith("/wait/"):
            time.sleep(float(self.path.rpartition("/")[2]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Be quiet."""


class Site:
    """The proxy in front of the stand-in, and a client that knows where HOST is."""

    def __init__(self, proxy: Nginx, plain: int) -> None:
        self.proxy, self.plain = proxy, plain
        self.context = ssl.create_default_context(cafile=str(proxy.certificate))
        self.http = httpx.Client(base_url=f"https://127.0.0.1:{proxy.port}", headers={"Host": HOST}, timeout=60,
                                 transport=httpx.HTTPTransport(verify=self.context), trust_env=False)

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request by TLS, the certificate checked."""
        return self.http.request(method, path, extensions={"sni_hostname": HOST}, **more)

    def raw(self, stack: contextlib.ExitStack) -> ssl.SSLSocket:
        """A connection to write bytes to."""
        plain = stack.enter_context(socket.create_connection(("127.0.0.1", self.proxy.port), timeout=30))
        return stack.enter_context(self.context.wrap_socket(plain, server_hostname=HOST))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port, plain = free_port(), free_port()
    with Nginx(tmp_path_factory.mktemp("proxy"), port, plain, upstream.server_port, HOST, {
            "client_body_timeout 10s": "client_body_timeout 1s", "client_header_timeout 10s": "client_header_timeout 1s",
    }) as proxy:
        yield Site(proxy, plain)
    upstream.shutdown()


def test_one_hop_is_told_whatever_a_client_claims(site: Site) -> None:
    site.send("GET", "/", headers={"X-Forwarded-For": "198.51.100.7, 198.51.100.8", "X-Forwarded-Proto": "http",
                                   "X-Forwarded-Host": "evil.example", "Forwarded": "for=198.51.100.9"})
    came = Upstream.came[-1]
    assert came["x-forwarded-for"] == "127.0.0.1" and came["x-forwarded-proto"] == "https" and came["host"] == HOST
    assert "x-forwarded-host" not in came and "forwarded" not in came and "connection" not in came


def test_plain_http_is_led_to_https_and_some_pages_are_closed(site: Site) -> None:
    led = httpx.get(f"http://127.0.0.1:{site.plain}/x?y=1", trust_env=False)
    assert led.status_code == 301 and led.headers["Location"] == f"https://{HOST}/x?y=1"
    reached = len(Upstream.came)
    for path in ("/metrics", "/readyz"):
        assert site.send("GET", path, headers={"Authorization": "Bearer x"}).status_code == 404
    large, by_api = (site.send("POST", path, content=b"x" * 300_000) for path in ("/trips/", "/api/bookings/"))
    assert large.status_code == 413 and "Please go back and send less" in large.text
    assert by_api.status_code == 413 and by_api.json().keys() == body_of(Problem("too_large", "")).keys()
    assert len(Upstream.came) == reached
    css = site.send("GET", "/static/css/nothing.css")
    assert css.status_code == 404 and "max-age=31536000" in css.headers["Strict-Transport-Security"]


def test_a_post_is_sent_once_whatever_happens(site: Site) -> None:
    before = len(Upstream.came)
    told = site.send("POST", "/drop", json={})
    assert told.status_code == 503 and told.headers["Retry-After"] == "30" and "back in a minute" in told.text
    assert "max-age=31536000" in told.headers["Strict-Transport-Security"]
    assert [one["method"] for one in Upstream.came[before:]] == ["POST"]
    told = site.send("POST", "/api/drop", json={})
    assert told.status_code == 503 and told.json()["code"] == "unavailable"


def test_slow_clients_reach_no_thread_of_ours_and_are_hung_up_on(site: Site) -> None:
    before = len(Upstream.came)
    with contextlib.ExitStack() as stack:
        slow = [site.raw(stack) for _ in range(30)]
        for number, one in enumerate(slow):
            body = b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{" if number % 2 else b""
            one.sendall(b"POST /api/bookings HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n" + body)
        assert site.send("GET", "/").status_code == 200
        for one in slow:
            with contextlib.suppress(ConnectionResetError, ssl.SSLError):
                assert one.recv(1000)[:12] in (b"", b"HTTP/1.1 408")
    assert [one["method"] for one in Upstream.came[before:]] == ["GET"]


def test_a_booking_that_waits_is_not_cut_off(site: Site) -> None:
    assert site.send("POST", "/wait/25", json={}).status_code == 200


def test_who_asks_too_often_is_told_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nginx counts requests of one address; a person reads a page, a program the words of the API."""
    port, plain = free_port(), free_port()
    with Nginx(tmp_path_factory.mktemp("counting"), port, plain, free_port(), HOST, {
            "burst=120": "burst=1", "rate=30r/s": "rate=1r/m"}) as proxy:
        counted = Site(proxy, plain)
        first, _, page, by_api = (counted.send("GET", path) for path in ("/", "/", "/", "/api/offers/"))
    assert first.status_code == 503, "nobody is behind it"
    assert page.status_code == 429 and "reload this page" in page.text and page.headers["Retry-After"] == "5"
    assert by_api.status_code == 429 and by_api.json()["code"] == "throttled" and by_api.headers["Retry-After"] == "5"


def test_a_whole_booking_through_the_proxy(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The units' own commands behind it: __Host- cookies, HSTS, the limits of one address, a booking to its ticket."""
    folder, port, plain = tmp_path_factory.mktemp("proxied"), free_port(), free_port()
    environ = {"SITE_URL": f"https://{HOST}", "ALLOWED_HOSTS": f"{HOST},127.0.0.1,localhost", "CRASH_FILE": "",
               "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    with Deployed(folder, every=1.0, environ=environ) as stack, Nginx(
            folder / "nginx", port, plain, stack.ports[0], HOST) as proxy:
        stack.manage("collectstatic", "--noinput")
        stack.restart("web")
        site, customer = Site(proxy, plain), Customer(stack)
        front = site.send("GET", "/")
        cookies = front.headers.get_list("set-cookie")
        assert front.status_code == 200 and "max-age=31536000" in front.headers["Strict-Transport-Security"]
        assert cookies and all(one.startswith("__Host-") and "Secure" in one for one in cookies), cookies
        site.http.headers["Cookie"] = customer.guest.headers["Cookie"].replace("guest=", "__Host-guest=")
        customer.http = Named(site)  # type: ignore[assignment]
        customer.book(Market(stack).offer(customer.guest))
        customer.pay()
        customer.until("CONFIRMED", seconds=60)
        tries = [site.send("POST", "/api/payments/confirm", json={"bookingReference": "FLY2A-AAAAAA"},
                           headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(20)]
        assert 429 in tries, tries  # all of them are one client's
        wait_until(lambda: stack.mails(), 30)


class Named:
    """The customer's client, by the proxy."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def get(self, path: str, **more: Any) -> httpx.Response:
        """GET."""
        return self._site.send("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        """POST, as a page of ours sends it."""
        headers = {"Origin": f"https://{HOST}", "Referer": f"https://{HOST}/", **more.pop("headers", {})}
        return self._site.send("POST", path, headers=headers, **more)
