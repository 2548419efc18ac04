"""Liveness, readiness and metrics, for load balancers and Prometheus."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET
from django_prometheus.exports import ExportToDjangoView

from bookings.figures import exported


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
    except DatabaseError:
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
