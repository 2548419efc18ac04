"""Customers who send a byte now and then: the proxy bears them, and somebody else is served meanwhile.

The control shows why gunicorn alone must not be reached from outside: its threads wait for whoever has begun.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from fly2any.stack import site
from tests.sandbox.conftest import free_port
from tests.sandbox.process import wait_until

DRIPPING, OTHER = 60, "127.0.0.2"
APP = ("def app(environ, start):\n    environ['wsgi.input'].read()\n    start('200 OK', [('Content-Length', '2')])\n"
       "    return [b'ok']\n")
POST = b"POST /x HTTP/1.1\r\nHost: fly2any.example\r\n"
# a head that never ends, a body that never ends, a body of pieces that never ends: what is sent at once, what drips
SLOW = ((b"", b"GET /healthz HTTP/1.1\r\nHost: fly2any.example\r\nX-Slow: " + b"x" * 10_000),
        (POST + b"Content-Length: 10000\r\n\r\n", b"x" * 10_000), (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 2_000))


class Drips:
    """Connections that each send one byte of a request's head or body every half a second, until stopped."""

    def __init__(self, port: int, context: ssl.SSLContext | None) -> None:
        self.socks: list[socket.socket] = []
        for number in range(DRIPPING):
            plain = socket.create_connection(("127.0.0.1", port), timeout=20)
            self.socks.append(context.wrap_socket(plain) if context else plain)
            self.socks[-1].sendall(SLOW[number % len(SLOW)][0])
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._drip, daemon=True)
        self.thread.start()

    def _drip(self) -> None:
        for at in range(2_000):
            for number, sock in enumerate(self.socks):
                try:
                    sock.send(SLOW[number % len(SLOW)][1][at:at + 1])
                except OSError:
                    continue  # hung up on: that is what we want
            if self.stopped.wait(0.5):
                return

    def stop(self) -> None:
        self.stopped.set()
        self.thread.join()
        for sock in self.socks:
            sock.close()


def served(port: int, context: ssl.SSLContext | None, seconds: float) -> bool:
    """Whether somebody at another address gets an answer in that time."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds, source_address=(OTHER, 0)) as plain:
            sock = context.wrap_socket(plain, server_hostname="fly2any.example") if context else plain
            sock.sendall(b"GET /x HTTP/1.1\r\nHost: fly2any.example\r\nConnection: close\r\n\r\n")
            return b"200 OK" in sock.recv(4096)
    except OSError:
        return False


def trusting() -> ssl.SSLContext:
    """A browser that asks for no certificate: this test is about time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture
def web(tmp_path: Path) -> Iterator[int]:
    """gunicorn with the very words of `manage.py up`, and an application that answers at once."""
    (tmp_path / "small.py").write_text(APP)
    port = free_port()
    (program,) = (one for one in site.programs("") if one.name == "web")
    words = [word.replace("fly2any.wsgi", "small:app").replace(f":{settings.WEB_PORT}", f":{port}") for word in program.command]
    process = subprocess.Popen([sys.executable, *words[1:]], cwd=tmp_path)
    try:
        wait_until(lambda: served(port, None, 5), 60)
        yield port
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def proxy(web: int, tmp_path: Path) -> Iterator[int]:
    """nginx with the very file of docs/operations, ports, paths and names apart."""
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed here")
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fly2any.example")])
    now, day = datetime.now(UTC), timedelta(days=1)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - day).not_valid_after(now + day).sign(key, hashes.SHA256()))
    (tmp_path / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "privkey.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    port, plain = free_port(), free_port()
    source = (settings.BASE_DIR / "docs/operations/nginx.conf").read_text()
    for old, new in (("/etc/nginx/tls/", f"{tmp_path}/"), ("/var/log/nginx/", f"{tmp_path}/"), ("/run/nginx.pid", f"{tmp_path}/pid"),
                     ("127.0.0.1:8000", f"127.0.0.1:{web}"), ("listen 80 ", f"listen 127.0.0.1:{plain} "),
                     ("listen 443 ", f"listen 127.0.0.1:{port} ")):
        source = source.replace(old, new)
    (tmp_path / "nginx.conf").write_text(source)
    process = subprocess.Popen(["nginx", "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"])
    try:
        wait_until(lambda: served(port, trusting(), 5), 30)
        yield port
    finally:
        process.terminate()
        process.wait()


def test_behind_the_proxy_somebody_else_is_served_while_many_drip(proxy: int) -> None:
    drips = Drips(proxy, trusting())
    try:
        assert all(served(proxy, trusting(), 20) for _ in range(5))
        assert drips.thread.is_alive()
    finally:
        drips.stop()


def test_control_gunicorn_alone_is_stopped_by_them(web: int) -> None:
    drips = Drips(web, None)
    try:
        wait_until(lambda: not served(web, None, 2), 60)
    finally:
        drips.stop()
