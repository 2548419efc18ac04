"""A shop for the tests of the sandbox's Stripe: the real SDK over real HTTP, and a page with a strict policy."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe

from tests.sandbox.process import Sandbox

stripe.enable_telemetry = False
SECRET_KEY = "sk_test_sandbox"
SITE_SECRET = "whsec_sandbox_stripe"


def validate_everything() -> None:
    """Let sandbox processes started from now on hold each answer and event to Stripe's schema."""
    os.environ["SANDBOX_VALIDATE"] = "1"


def validate_nothing() -> None:
    """Back to the fast way."""
    os.environ.pop("SANDBOX_VALIDATE", None)


class Shop:
    """The server side of a checkout."""

    def __init__(self, sandbox: Sandbox, retries: int = 0) -> None:
        self.sandbox = sandbox
        self.client = stripe.StripeClient(
            SECRET_KEY, base_addresses={"api": f"{sandbox.url}/stripe"}, max_network_retries=retries
        )
        self.v1 = self.client.v1

    def intent(self, amount: int = 59999, *, key: str | None = None, **more: Any) -> stripe.PaymentIntent:
        """An intent with manual capture, as the site makes them."""
        params: dict[str, Any] = {
            "amount": amount,
            "currency": "usd",
            "capture_method": "manual",
            "allowed_payment_method_types": ["card"],
            "metadata": {"booking": "FLY2A-7KQ2MX"},
            **more,
        }
        params = {name: value for name, value in params.items() if value is not None}
        options: Any = {"idempotency_key": key} if key else {}
        return self.v1.payment_intents.create(params=params, options=options)  # type: ignore[arg-type]

    def paid_with(self, method: str, amount: int = 59999, **more: Any) -> stripe.PaymentIntent:
        """An intent confirmed by the server with one of Stripe's test methods."""
        return self.intent(amount, confirm=True, payment_method=method, **more)

    def captured(self, method: str = "pm_card_visa", amount: int = 59999) -> stripe.PaymentIntent:
        """An intent whose money was taken."""
        return self.v1.payment_intents.capture(self.paid_with(method, amount).id)

    def control(self, path: str, expected: int = 200, /, **body: Any) -> dict[str, Any]:
        """One of the sandbox's own endpoints under ``/_stripe/``."""
        answer = self.sandbox.http.post(f"/_stripe/{path}", json=body)
        assert answer.status_code == expected, answer.text
        return dict(answer.json())

    def events(self, **asked: Any) -> list[str]:
        """The types of all events, oldest first."""
        listed = self.v1.events.list(params={"limit": 100, **asked})  # type: ignore[arg-type]
        return [str(event.type) for event in listed.data][::-1]

    def money(self) -> list[tuple[str, int]]:
        """What the ledger says about money: (event, minor units)."""
        return [(row["event"], row["amount"]) for row in self.sandbox.ledger(vendor="stripe") if "amount" in row]


PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Pay</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script nonce="n0nce" src="{script}"></script></head><body><main><h1>Pay</h1>
<div id="here"></div><button id="pay" type="button">Pay</button><output id="result"></output></main>
<script nonce="n0nce">
window.heard = []; window.blocked = []; window.fired = [];
addEventListener('message', (e) => heard.push(JSON.stringify(e.data)));
document.addEventListener('securitypolicyviolation', (e) => blocked.push(e.violatedDirective + ' ' + e.blockedURI));
window.setUp = (elementsOptions) => {{
  window.stripe = Stripe('pk_test_page');
  window.elements = stripe.elements(elementsOptions);
  window.element = elements.create('payment');
  for (const name of ['ready', 'change', 'loaderror']) {{
    element.on(name, (e) => {{ fired.push({{...e, name}}); document.body.classList.add(name); }});
  }}
  element.mount('#here');
}};
window.pay = async (more) => {{
  const wrong = await elements.submit();
  const answer = wrong.error ? wrong : await stripe.confirmPayment({{elements, redirect: 'if_required', ...more}});
  document.querySelector('#result').textContent = JSON.stringify(answer);
}};
window.next = async (promise) => {{ document.querySelector('#result').textContent = JSON.stringify(await promise); }};
document.querySelector('#pay').addEventListener('click', () => pay(window.more));
</script></body></html>"""


class PageHost:
    """A site of another origin whose pages allow nothing but themselves and the sandbox."""

    def __init__(self, sandbox_url: str) -> None:
        policy = (
            f"default-src 'none'; script-src 'nonce-n0nce'; frame-src {sandbox_url}; connect-src 'self' {sandbox_url}; "
            "style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'"
        )
        body = PAGE.format(script=f"{sandbox_url}/stripe-js/v3/").encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(204 if self.path == "/favicon.ico" else 200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-security-policy", policy)
                self.end_headers()
                if self.path != "/favicon.ico":
                    self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


def as_json(text: str) -> Any:
    """What the page wrote down as its result."""
    return json.loads(text)
