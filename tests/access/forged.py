"""Headers by which callers try to be somebody else at each try: every name that some proxy or framework believes."""

from __future__ import annotations

NAMES = ("Forwarded", "X-Forwarded", "X-Forwarded-Host", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP",
         "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr", "X-ProxyUser-Ip", "True-Client-IP", "CF-Connecting-IP",
         "CF-Connecting-IPv6", "Fastly-Client-IP", "Fly-Client-IP", "X-Appengine-User-IP", "X-Azure-ClientIP",
         "X-Envoy-External-Address", "Client-IP", "Via", "Remote-Addr", "X-Original-Forwarded-For")


def headers(number: int) -> dict[str, str]:
    """All of them at once, another address for each `number`."""
    address = f"203.0.113.{number}"
    return {**dict.fromkeys(NAMES, address), "Forwarded": f'for={address};proto=https, for="[2001:db8::{number}]:47011"',
            "X-Forwarded-For": f"{address}, 2001:db8:{number}::1, unknown, {address}"}
