"""What the payment page may load beside our own files: Stripe.js and its frames, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from django.conf import settings
from django.http import HttpResponseBase

from fly2any import env

_P = ParamSpec("_P")
_STRIPE = {
    "script-src": ["https://js.stripe.com", "https://*.js.stripe.com"],
    "frame-src": ["https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"],
    "connect-src": ["https://api.stripe.com"],
}


def payment_sources() -> dict[str, list[str]]:
    """The additions to the policy: real Stripe's published hosts, or the sandbox's one origin."""
    place = env.origin(settings.STRIPE_JS_URL)
    if place == "https://js.stripe.com":
        return {name: list(hosts) for name, hosts in _STRIPE.items()}
    return {"script-src": [place], "frame-src": [place], "connect-src": [place]}


def payment_page(view: Callable[_P, HttpResponseBase]) -> Callable[_P, HttpResponseBase]:
    """Decorate the view of the page with the card form: Stripe's script, frames and calls are allowed there only."""

    @wraps(view)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        response = view(*args, **kwargs)
        # django-csp reads these two attributes; 'none' must be replaced, not added to
        sources = payment_sources()
        vars(response)["_csp_replace"] = {"frame-src": sources.pop("frame-src")}
        vars(response)["_csp_update"] = sources
        return response

    return wrapped
