"""The names under which others know a booking: an airline's reference, or the reservation's own (ux.md 10). Pure."""

from __future__ import annotations

from typing import Any

from suppliers.models import SupplierOrder

Raw = dict[str, Any]


def of(order: SupplierOrder | None, slices: list[Raw], owner: str) -> list[dict[str, str]]:
    """[{"label", "reference"}]: what to give to which airline; `slices` as stored, `owner` the airline that sells.

    A reservation may have one reference in each airline's system besides its own, which is shown last and without the
    name of the system (ux.md 9).
    """
    if order is None or not (order.pnr or order.locators):
        return []
    names = {flight["carrier_code"]: flight["carrier_name"] or flight["carrier_code"]
             for piece in slices for flight in piece["segments"]}
    found = {code: reference for code, reference in order.locators if code in names and reference}
    told = [{"label": f"Airline reference ({names[code]})", "reference": reference}
            for code, reference in found.items()]
    if not order.pnr or order.pnr in found.values():
        return told
    whose = f" ({owner})" if owner else ""
    return [*told, {"label": "Reservation reference" if told else f"Airline reference{whose}", "reference": order.pnr}]
