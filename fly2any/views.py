"""Liveness, readiness and metrics, for load balancers and Prometheus."""

from __future__ import annotations

import hmac
import sys

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.views.decorators.http import require_GET
from django.views.defaults import server_error
from django_prometheus.exports import ExportToDjangoView

from bookings.figures import exported
from fly2any.kernel import database


@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers; asks nobody else."""
    return JsonResponse({"ok": True})


@require_GET
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers, else 503: a load balancer then sends visitors elsewhere."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return JsonResponse({"ok": False, "database": False}, status=503)
    return JsonResponse({"ok": True, "database": True})


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus figures for this machine itself or for whoever sends `Authorization: Bearer METRICS_TOKEN`."""
    local = settings.TRUSTED_PROXIES == 0 and request.META.get("REMOTE_ADDR") in {"127.0.0.1", "::1"}
    expected = f"Bearer {settings.METRICS_TOKEN}"
    known = bool(settings.METRICS_TOKEN) and hmac.compare_digest(request.headers.get("Authorization", ""), expected)
    if not local and not known:
        return HttpResponse(status=404)
    response: HttpResponse = ExportToDjangoView(request)
    response.write(exported.exposition())
    return response


@require_GET
def favicon(request: HttpRequest) -> HttpResponse:
    """204, kept for a day: browsers ask for it on pages that name no icon, and a 404 would be noise."""
    return HttpResponse(status=204, headers={"Cache-Control": "public, max-age=86400"})


def broken(request: HttpRequest) -> HttpResponse:
    """What escaped every view (Django's handler500): 503 while the database is away or too busy, else 500.

    The difference is what a browser, a balancer and a search engine go by: the same request may be sent again soon.
    """
    if not database.is_away(sys.exc_info()[1]):
        return server_error(request)
    headers = {"Retry-After": "5", "Cache-Control": "no-store"}
    if request.headers.get("Accept", "").startswith("application/json"):
        said = {"success": False, "code": "unavailable", "message": "We are very busy right now.",
                "action": "Try again", "tip": "Nothing is lost.", "fieldErrors": {}}
        return JsonResponse(said, status=503, headers=headers)
    # without the request, as Django draws 500.html: who is signed in stands in the database
    return HttpResponse(loader.get_template("503.html").render(), status=503, headers=headers)
