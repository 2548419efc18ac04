"""Amadeus' errors: code, status and title as the specifications and the guide list them."""

from __future__ import annotations

from typing import Any

from sandbox.frame import Answer, Refusal

JSON_TYPE = "application/vnd.amadeus+json"

# code: (status, title)
CODES: dict[int, tuple[int, str]] = {
    141: (500, "SYSTEM ERROR HAS OCCURRED"),
    377: (400, "MAX STAY DURATION IS EXCEEDED"),
    381: (400, "INVALID CHECK-IN DATE"),
    392: (400, "INVALID HOTEL CODE"),
    404: (400, "CHECK_OUT DATE MUST BE FURTHER IN THE FUTURE THAN CHECK-IN DATE"),
    425: (400, "INVALID DATE"),
    477: (400, "INVALID FORMAT"),
    572: (400, "INVALID OPTION"),
    895: (400, "NOTHING FOUND FOR REQUESTED CITY"),
    1304: (400, "CREDIT CARD NOT ACCEPTED"),
    1797: (404, "NOT FOUND"),
    2668: (400, "PARAMETER COMBINATION INVALID/RESTRICTED"),
    2781: (400, "INVALID LENGTH"),
    4481: (400, "FLIGHT DOES NOT OPERATE"),
    4926: (400, "INVALID DATA RECEIVED"),
    8791: (400, "OUTSIDE SYSTEM DATE RANGE"),
    9112: (400, "TICKETING - TKT"),
    10661: (400, "MAX OCCURRENCES"),
    32171: (400, "MANDATORY DATA MISSING"),
    34107: (400, "NOT APPLICABLE FARE"),
    34651: (400, "SEGMENT SELL FAILURE"),
    34733: (400, "VIRTUAL CARD CREATION FAILED"),
    36870: (400, "BOOKING FAILED"),
    37200: (400, "PRICE DISCREPANCY"),
    38034: (400, "ONE OR MORE SERVICES ARE NOT AVAILABLE"),
    38187: (401, "Invalid parameters"),
    38189: (500, "Internal error"),
    38190: (401, "Invalid access token"),
    38191: (401, "Invalid HTTP header"),
    38192: (401, "Access token expired"),
    38193: (401, "Access token revoked"),
    38194: (429, "Too many requests"),
    38195: (429, "Quota limit exceeded"),
    38196: (404, "Resource not found"),
    38197: (403, "Forbidden"),
    38420: (400, "REQUESTED OFFER IS NOT AVAILABLE"),
    39397: (400, "UNABLE TO RETRIEVE UPSELL OFFER"),
    39683: (401, "Invalid API key"),
    39686: (401, "Invalid API key"),
    41254: (410, "API is decommissioned"),
}
DETAILS = {
    34651: "Could not sell segment 1",
    36870: "Unable to book the flight",
    38034: "One or more services are not available",
    38187: "Client credentials are invalid",
    38190: "The access token provided in the Authorization header is invalid",
    38191: "Missing or invalid format for mandatory Authorization header",
    38192: "The access token is expired",
    38193: "The access token is revoked",
    38194: "The network rate limit is exceeded, please try again later",
    38195: "The quota limit is exceeded",
    38196: "The targeted resource doesn't exist",
    38197: "Access to the API is forbidden",
    39683: "The API key is revoked",
    39686: "The API key is invalid",
    41254: "This API has been decommissioned and is no longer available",
}
BY_STATUS = {401: 38190, 403: 38197, 404: 38196, 410: 41254, 429: 38194, 500: 38189, 503: 38189, 504: 141}
_TOKEN_NAMES = {400: "invalid_request", 401: "invalid_client", 429: "rate_limited", 500: "server_error"}
GATEWAY_PAGE = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>502 Bad Gateway</body>\r\n</html>\r\n"


class Deviation(Refusal):
    """A refusal of a request that breaks the contract's form: the caller has a bug. The ledger tells of it."""


def error(
    code: int,
    detail: str | None = None,
    *,
    pointer: str | None = None,
    parameter: str | None = None,
    status: int | None = None,
) -> Answer:
    """Return the answer of an error code; ``pointer`` and ``parameter`` say where in the request."""
    usual, title = CODES[code]
    issue: dict[str, Any] = {"status": status or usual, "code": code, "title": title}
    if said := detail or DETAILS.get(code):
        issue["detail"] = said
    source = {"pointer": pointer, "parameter": parameter}
    if given := {name: value for name, value in source.items() if value}:
        issue["source"] = given
    return Answer(status or usual, {"errors": [issue]})


def refuse(code: int, detail: str | None = None, *, pointer: str | None = None) -> Refusal:
    """Return the refusal to raise."""
    return Refusal(error(code, detail, pointer=pointer))


def deviation(code: int, detail: str, *, pointer: str | None = None, parameter: str | None = None) -> Deviation:
    """Return the refusal of a malformed request."""
    return Deviation(error(code, detail, pointer=pointer, parameter=parameter))


def expect_type(data: dict[str, Any], wanted: str) -> None:
    """Refuse a document of another type: the files leave the word open, their examples and live requests agree."""
    if data.get("type") != wanted:
        raise deviation(477, f"type must be {wanted}", pointer="/data/type")


def token_error(code: int, detail: str | None = None, *, status: int | None = None) -> Answer:
    """Return an error as the token endpoint shapes it."""
    usual, title = CODES[code]
    number = status or usual
    return Answer(
        number,
        {
            "error": _TOKEN_NAMES.get(number, "server_error"),
            "error_description": detail or DETAILS.get(code, title),
            "code": code,
            "title": title,
        },
    )
