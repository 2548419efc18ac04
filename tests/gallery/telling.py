"""The states that docs/screens shows: name of the state, and what there is to see."""

from __future__ import annotations

from pathlib import Path

TELLING = {
    "home": "The front door",
    "home-airports": "The airport box: the city with all its airports first, by traffic",
    "home-multi-city": "Up to four flights",
    "search-errors": "What is wrong, at the top and at the field; nothing typed is lost",
    "which-place": "A word that means several places",
    "results-asking": "The page is there at once; room is kept for what comes",
    "results-two-adults": "Results: the whole price, conditions in words, CO2, days around",
    "results-filters": "Filters, opened on the phone",
    "results-filtered": "Filters that leave nothing, and the way out",
    "results-one-failed": "One airline did not answer",
    "results-none": "Nothing found: other days, airports nearby",
    "results-multi-city": "Results of a multi-city trip",
    "extras-fares": "Fares side by side, same facts in the same order; bundles; bags; seats",
    "extras-lost": "What changed at the airline is named",
    "seats-narrow": "The seat map",
    "seats-list": "The same seats as a list, which also serves without a script",
    "travellers-nine": "Nine travellers",
    "passengers-errors": "Travellers: errors that say what to do",
    "check-email": "A slip in the e-mail address is asked about",
    "review": "Review and pay",
    "review-errors": "The two ticks that a booking needs",
    "review-deadline": "The last minutes of a fare",
    "review-dearer": "The airline raised the price",
    "review-gone": "The fare is gone; what was typed is kept",
    "declined-insufficient_funds": "Too little on the card: the same flights for less",
    "bank-asks": "The bank asks back",
    "progress-late": "The airline is silent: what is certain, what is next, by when we write",
    "confirmed": "Confirmed",
    "trip-hold": "Held, to be paid later",
    "trip-not-booked-sold_out": "Not booked, and why",
    "trip-detail-refused": "The airline refused a detail; it can be mended",
    "cancel-quote": "Cancelling: first what one gets back",
    "trip-refund-sent": "The refund, step by step",
    "trip-change-significant": "The airline changed the flights",
    "change-significant": "Both flights side by side, the right to a refund first",
    "requested": "A request that our team answers",
    "trips-20": "All trips",
    "account": "An account",
    "shared": "What others see of a shared trip",
    "mail-confirmed": "The confirmation by mail",
    "mail-flights_changed": "Changed flights by mail",
    "console-queue": "The console: what needs somebody, the most severe first",
    "console-case": "One case: what happened, what to do, three records, the money",
    "console-action": "An action: what will happen, before anything does",
    "console-dashboard": "The dashboard",
    "console-runbook": "The runbook page of an alert",
}


def write_index(folder: Path) -> None:
    """docs/screens/README.md: every telling state that has been drawn."""
    lines = ["# Screens", "", "Drawn by `python -m tests.gallery --telling --out docs/screens`: each state at 1280 and at 390 px, of the",
             "running site on its sandbox. `python -m tests.gallery` draws all states, `--dark` in dark, too.", ""]
    for state, words in TELLING.items():
        if (folder / f"{state}.jpg").exists():
            lines += [f"## {words}", "", f"![{words}]({state}.jpg)", ""]
    (folder / "README.md").write_text("\n".join(lines))
