"""The script, the frames and the challenge page, as raw routes of the sandbox."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.stripe.currencies import decimals

STATIC = Path(__file__).resolve().parent / "static"
# The frames hold the card number: nothing from elsewhere runs in them, and nothing leaves but to the sandbox.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
_KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/stripe-js/static/{name}.css"></head>
<body>{body}<script src="/stripe-js/static/frame.js"></script>
<script src="/stripe-js/static/{name}.js"></script></body></html>
"""


def _file(name: str) -> Response:
    path = STATIC / name
    return Response(path.read_bytes(), headers={"content-type": _KINDS[path.suffix], "cache-control": "no-cache"})


async def _script(request: Request) -> Response:
    return _file("v3.js")


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    known = {path.name for path in STATIC.iterdir()}
    return _file(name) if name in known and name[0] != "." and not name.endswith(".html") else Response(status_code=404)


def _page(title: str, name: str, **values: str) -> HTMLResponse:
    body = (STATIC / f"{name}.html").read_text()
    for key, value in values.items():
        body = body.replace("{" + key + "}", escape(value))
    headers = {"content-security-policy": _POLICY, "referrer-policy": "no-referrer", "cache-control": "no-store"}
    return HTMLResponse(_PAGE.format(title=title, name=name, body=body), headers=headers)


async def _element(request: Request) -> Response:
    return _page("Secure card payment", "element")


async def _controller(request: Request) -> Response:
    return _page("Payment controller", "controller")


async def _challenge(request: Request) -> Response:
    world: Any = request.app.state.world
    intent = world.get("stripe.intent", request.query_params.get("payment_intent", ""))
    token = request.query_params.get("token")
    if intent is None or not token or intent.get("_challenge") != token:
        return HTMLResponse("<!doctype html><title>Closed</title><p>This confirmation is no longer open.</p>", 404)
    card = (world.get("stripe.method", intent["payment_method"]) or {}).get("card", {})
    return _page(
        "Confirm your payment",
        "challenge",
        amount=_amount(intent["amount"], intent["currency"]),
        card=f"{card.get('brand', 'card').capitalize()} ending in {card.get('last4', '····')}",
    )


def _amount(minor: int, currency: str) -> str:
    """An amount for people: 59999 usd is ``USD 599.99``."""
    places = decimals(currency)
    return f"{currency.upper()} {minor / 10**places:,.{places}f}"


async def _receipt(request: Request) -> Response:
    world: Any = request.app.state.world
    charge = world.get("stripe.charge", request.path_params["charge"])
    if charge is None:
        return Response(status_code=404)
    card = charge["payment_method_details"]["card"]
    rows = {
        "Receipt": charge["id"],
        "Amount": _amount(charge["amount_captured"], charge["currency"]),
        "Refunded": _amount(charge["amount_refunded"], charge["currency"]),
        "Card": f"{card['brand']} ending in {card['last4']}",
    }
    cells = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items())
    return HTMLResponse(
        f"<!doctype html><html lang='en'><title>Test receipt</title><h1>Test receipt</h1><dl>{cells}</dl>"
    )


def routes() -> list[Route]:
    """All pages; the script also answers without the closing slash."""
    return [
        Route("/stripe-js/v3/", _script),
        Route("/stripe-js/v3", _script),
        Route("/stripe-js/static/{name}", _static),
        Route("/stripe-js/element", _element),
        Route("/stripe-js/controller", _controller),
        Route("/stripe-js/challenge", _challenge),
        Route("/stripe-js/receipts/{charge}", _receipt),
    ]
