"""Errors in Duffel's shape. Texts of codes nobody captured are plain words of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sandbox.frame import Answer, Refusal
from sandbox.ids import random_text

DOCS = "https://duffel.com/docs/api/overview/response-handling"


class Kind(NamedTuple):
    """What a code always says."""

    status: int
    type: str
    title: str
    message: str


KINDS: dict[str, Kind] = {
    "access_token_not_found": Kind(
        401, "authentication_error", "Access token not found", "The access token used is not recognised by our system."
    ),
    "missing_authorization_header": Kind(
        401,
        "authentication_error",
        "Missing authorization header",
        "The 'Authorization' header needs to be set and contain a valid API token.",
    ),
    "insufficient_permissions": Kind(
        403, "authentication_error", "Insufficient permissions", "The access token has no permission for this."
    ),
    "missing_version_header": Kind(
        400,
        "invalid_request_error",
        "Missing version header",
        "The 'Duffel-Version' header needs to be set to a valid API version.",
    ),
    "invalid_version_header": Kind(
        400,
        "invalid_request_error",
        "Invalid version header",
        "The 'Duffel-Version' header is not a version of this API.",
    ),
    "unsupported_version": Kind(
        400,
        "invalid_request_error",
        "Unsupported version",
        "The version set in the 'Duffel-Version' header is no longer supported.",
    ),
    "malformed_data_parameter": Kind(
        400, "invalid_request_error", "Malformed data parameter", "The body must be a JSON object with a 'data' object."
    ),
    "invalid_pagination": Kind(
        400, "invalid_request_error", "Invalid pagination", "The parameters 'limit', 'before' or 'after' are not valid."
    ),
    "not_found": Kind(
        404, "invalid_request_error", "Not found", "The resource you are trying to access does not exist."
    ),
    "validation_required": Kind(422, "validation_error", "Required field", "Field '{field}' can't be blank"),
    "validation_format": Kind(422, "validation_error", "Invalid format", "Field '{field}' has an invalid format"),
    "validation_length": Kind(422, "validation_error", "Invalid length", "Field '{field}' has an invalid length"),
    "validation_inclusion": Kind(422, "validation_error", "Not accepted", "Field '{field}' is not an accepted value"),
    "validation_type": Kind(422, "validation_error", "Invalid type", "Field '{field}' has an invalid type"),
    "validation_unique": Kind(422, "validation_error", "Not unique", "Field '{field}' has repeated values"),
    "invalid_phone_number": Kind(
        422, "validation_error", "Invalid phone number", "Field '{field}' must be a phone number in E.164 format"
    ),
    "invalid_email_address": Kind(422, "validation_error", "Invalid email", "Field '{field}' must be an email address"),
    "invalid_passenger_name": Kind(
        422,
        "validation_error",
        "Invalid passenger name",
        "Field '{field}' has characters or a length the airline does not accept",
    ),
    "invalid_passenger_title": Kind(
        422, "validation_error", "Invalid passenger title", "Field '{field}' must be one of mr, ms, mrs, miss, dr"
    ),
    "duplicate_passenger_name": Kind(
        422,
        "validation_error",
        "Duplicate passenger name",
        "Two passengers have the same name; the airline does not accept that",
    ),
    "offer_request_already_booked": Kind(
        422,
        "validation_error",
        "Can't book multiple offers from the same offer request",
        "Field 'selected_offers' has offers included in a offer request that has already been booked;"
        " please perform a new search",
    ),
    "order_creation_already_attempted": Kind(
        422,
        "invalid_state_error",
        "Order creation already attempted",
        "Order creation has already been attempted for the provided offer. You should not retry this request.",
    ),
    "offer_no_longer_available": Kind(
        422,
        "airline_error",
        "Offer no longer available",
        "The provided offer is no longer available, please select another offer or create a new offer request to get"
        " the latest availability",
    ),
    "offer_expired": Kind(
        422, "invalid_state_error", "Offer expired", "The provided offer has expired, please create a new offer request"
    ),
    "price_changed": Kind(
        422,
        "airline_error",
        "Price changed",
        "The provided offer is no longer available for the same price, please retrieve the offer again to get the"
        " latest pricing information.",
    ),
    "order_passengers_incompatible_with_offer": Kind(
        422,
        "invalid_state_error",
        "Passengers incompatible with offer",
        "The passengers of the order are not those of the offer.",
    ),
    "invalid_order_create_type": Kind(
        422, "invalid_state_error", "Invalid order create type", "The specified `type` was incorrect."
    ),
    "services_not_allowed_for_order_type": Kind(
        422, "invalid_state_error", "Services not allowed", "Services cannot be booked with an order of this type."
    ),
    "ancillary_service_not_available": Kind(
        422, "airline_error", "Service not available", "A requested service is no longer available."
    ),
    "payment_amount_does_not_match_order_amount": Kind(
        422,
        "invalid_request_error",
        "Payment amount does not match",
        "The amount of the payment is not the total amount of the order and its services.",
    ),
    "payment_currency_does_not_match_order_currency": Kind(
        422,
        "invalid_request_error",
        "Payment currency does not match",
        "The currency of the payment is not the currency of the order.",
    ),
    "insufficient_balance": Kind(
        422, "invalid_state_error", "Insufficient balance", "The balance is lower than the amount to pay."
    ),
    "already_paid": Kind(422, "invalid_state_error", "Already paid", "The order has already been paid."),
    "already_cancelled": Kind(422, "invalid_state_error", "Already cancelled", "The order has already been cancelled."),
    "past_payment_required_by_date": Kind(
        422, "invalid_state_error", "Past payment date", "The time by which the order had to be paid is past."
    ),
    "schedule_changed": Kind(
        422,
        "invalid_state_error",
        "Schedule changed",
        "The airline changed the flights of this order; it cannot be paid.",
    ),
    "order_type_not_eligible_for_payment": Kind(
        422, "invalid_state_error", "Order type not eligible for payment", "Only orders on hold are paid this way."
    ),
    "order_cancellation_stale": Kind(
        422,
        "invalid_state_error",
        "Order cancellation stale",
        "A newer cancellation exists or this one has expired; please create a new one.",
    ),
    "order_not_cancellable": Kind(
        422, "invalid_state_error", "Order not cancellable", "This order cannot be cancelled through the API."
    ),
    "order_not_changeable": Kind(
        422, "invalid_state_error", "Order not changeable", "This order cannot be changed through the API."
    ),
    "order_change_expired": Kind(422, "invalid_state_error", "Order change expired", "The change has expired."),
    "already_confirmed": Kind(422, "invalid_state_error", "Already confirmed", "This has already been confirmed."),
    "stale_airline_initiated_change_accept": Kind(
        422,
        "invalid_state_error",
        "Stale airline-initiated change",
        "This change is no longer the latest; please list again.",
    ),
    "webhook_client_error": Kind(422, "invalid_state_error", "Webhook failed to receive event", ""),
    "rate_limit_exceeded": Kind(
        429,
        "rate_limit_error",
        "Rate limit exceeded",
        "Too many requests hit the API too quickly. Please retry your request after the time specified in the"
        " `ratelimit-reset` header.",
    ),
    "internal_server_error": Kind(
        500,
        "api_error",
        "Internal server error",
        "Something went wrong. The order may still have been created on the airline's side. Please contact our support"
        " team and attach the `request_id` to your message.",
    ),
    "order_not_created": Kind(
        502,
        "api_error",
        "Order not created",
        "The request to create an order was not successful. You should not retry this request.",
    ),
    "bad_gateway": Kind(502, "api_error", "Bad gateway", "Something went wrong upstream."),
    "service_unavailable": Kind(503, "api_error", "Service unavailable", "Please try again later."),
    "airline_unknown": Kind(
        400, "airline_error", "Airline Error", "The airline responded with an unexpected error, please contact support"
    ),
    "airline_internal": Kind(504, "airline_error", "Airline internal error", "The airline did not answer in time."),
}
# The code an armed ``status`` fault answers with.
BY_STATUS = {
    400: "airline_unknown",
    401: "access_token_not_found",
    403: "insufficient_permissions",
    404: "not_found",
    422: "offer_no_longer_available",
    429: "rate_limit_exceeded",
    500: "internal_server_error",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "airline_internal",
}


def error(code: str, pointer: str | None = None, *, status: int | None = None, source: Any = None) -> Answer:
    """Return the error answer of ``code``; ``pointer`` such as ``/passengers/0/email`` names the field at fault."""
    kind = KINDS[code]
    field = pointer.rpartition("/")[2] if pointer else ""
    item: dict[str, Any] = {
        "type": kind.type,
        "code": code,
        "title": kind.title,
        "message": kind.message.format(field=field),
        "documentation_url": DOCS,
    }
    if pointer is not None:
        item["source"] = {"field": field, "pointer": pointer}
    elif source is not None:
        item["source"] = source
    elif kind.type == "airline_error":
        item["source"] = "duffel_airways"
    http_status = status or kind.status
    return Answer(http_status, {"meta": {"status": http_status, "request_id": random_text(20)}, "errors": [item]})


def refuse(code: str, pointer: str | None = None) -> Refusal:
    """Return the exception that undoes the call and answers with ``code``."""
    return Refusal(error(code, pointer))


def required(data: Mapping[str, Any], name: str, pointer: str) -> Any:
    """Return ``data[name]``; refuses a missing, null or empty value."""
    value = data.get(name)
    if value is None or value in ("", [], {}):
        raise refuse("validation_required", f"{pointer}/{name}")
    return value
