"""The door for the card gateway's messages."""

from __future__ import annotations

import logging

from django.db import Error as DatabaseTrouble
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from fly2any.kernel import inbound
from fly2any.kernel.errors import Refused
from payments import inbox

logger = logging.getLogger(__name__)


@csrf_exempt  # the signature proves who sends it
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Keep a signed message and answer 200; 400 for anything unproven, 500 when it could not be kept."""
    try:
        receipt = inbox.receive(body=inbound.raw_body(request), headers=request.headers)
    except Refused as refusal:
        inbound.refused(inbox.PROVIDER, refusal.code)
        return JsonResponse({"received": False}, status=400)
    except DatabaseTrouble:
        logger.exception("webhook.not_kept")
        inbound.failed(inbox.PROVIDER)
        return JsonResponse({"received": False}, status=500)  # they send it again
    inbound.KEPT.labels(inbox.PROVIDER, receipt.fate or "duplicate").inc()
    return JsonResponse({"received": True})
