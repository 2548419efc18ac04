"""`python -m bench.papers`: how long the press takes over an itinerary, start of its process included."""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

RUNS = 20
_WORDS = {"title": "Your itinerary", "document_title": "Bench", "test": "", "total": "USD 599.99", "footer": "Fly2Any",
          "tickets_label": "Ticket numbers", "times_note": "All times are local at each airport."}


def facts(travellers: int, flights: int) -> dict[str, Any]:
    """Made-up facts in the shape of `paper.facts_of`."""
    end = {"city": "New York", "code": "JFK", "detail": "John F. Kennedy International Airport, terminal 8"}
    flight = {"number": "AA 6143", "carrier": "American Airlines", "operated": "Operated by British Airways",
              "about": "7 h 05 min, Economy", "departing": {"time": "19:00", "date": "Sun 20 Dec 2026"},
              "arriving": {"time": "07:05", "date": "Mon 21 Dec 2026", "days": "+1 day"}, "origin": end,
              "destination": end, "layover": "Change in Madrid (MAD), 2 h 10 min",
              "notes": [["Bags included", "1 carry-on and 1 checked per traveller included"]]}
    square = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'
    return {
        **_WORDS, "status": {"word": "Confirmed", "tone": "good"}, "lead": ["New York to London"],
        "references": [{"label": "Fly2Any reference", "value": "FLY2A-7KQ2MX"}], "tickets": ["125-2106312810"],
        "qr": {"svg": square, "alt": "A square", "caption": "A square"},
        "directions": [{"title": "Outbound", "about": "7 h", "segments": [flight] * flights}],
        "traveller_head": ["Name", "Ticket"], "travellers": [["Ms Ada Lovelace", "125-2106312810"]] * travellers,
        "extras": [["Seat 14C", "Ms Ada Lovelace", "AA 6143"]] * travellers, "bags": ["One bag."],
        "prices": [["Fare", "USD 500.00"]] * (travellers + 2), "paid": ["Paid."],
        "parts": [{"title": "Terms of this fare", "lines": ["Changes: free."] * 5}] * 3}


def main() -> None:
    """Print the median and the slowest of twenty for a short and for the longest paper."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")
    import django

    django.setup()
    from bookings.documents import printing

    for travellers, flights in ((1, 1), (9, 12)):
        took = []
        for _ in range(RUNS):
            began = time.perf_counter()
            paper = printing.pdf(facts(travellers, flights))
            took.append(time.perf_counter() - began)
        print(f"{travellers} traveller(s), {flights} flight(s): median {statistics.median(took) * 1000:.0f} ms, "
              f"slowest {max(took) * 1000:.0f} ms, {len(paper) // 1024} KiB")


if __name__ == "__main__":
    main()
