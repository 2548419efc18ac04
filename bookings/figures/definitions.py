"""What each figure of the dashboard means: one table, from which the page and docs/figures.md are made."""

from __future__ import annotations

from dataclasses import dataclass

from bookings.figures.sources import IN_TIME
from bookings.figures.sums import Amounts, Count, Measure, Share, Sums, Time

PAYMENTS, MONEY, FUNNEL, CASES, OUTSIDE, HOUSE = ("Payments", "Money", "Search to payment", "Cases",
                                                  "Suppliers and messages", "The house")
GROUPS = (PAYMENTS, MONEY, FUNNEL, CASES, OUTSIDE, HOUSE)
STEPS = (("search.made", "Searches"), ("search.seen", "Results viewed"), ("booking.started", "Booking started"),
         ("booking.reached", "Payment reached"), ("booking.completed", "Completed"))


@dataclass(frozen=True)
class Figure:
    """One figure: what it is called, how it is made, and what it should be. Limits are in the measure's unit."""

    name: str
    title: str
    group: str
    formula: str
    source: str
    measure: Measure
    better: str = ""  # up, down, or "": neither
    above: float | None = None
    below: float | None = None
    target: str = ""
    per_day: bool = False  # the target is for one day: the mean of the days is judged
    rows: tuple[str, ...] = ()  # the lists behind it, as in bookings.admin.dashboard.rows

    def met(self, sums: Sums, days: float = 1.0) -> bool | None:
        """Whether the target is met; None without a target or without anything to judge. `days`: how long it took."""
        value = self.measure.value(sums)
        if value is None or (self.above is None and self.below is None):
            return None
        judged = value / days if self.per_day else value
        if self.above is not None and self.below is not None:  # a range holds its ends
            return self.above <= judged <= self.below
        return (self.above is None or judged > self.above) and (self.below is None or judged < self.below)

    @property
    def is_level(self) -> bool:
        """Whether it says how things stand now, rather than what happened in a time."""
        return self.measure.metrics[0].startswith("level.")


_ERROR = "Times are kept in steps of 10 %, so a told time is within 4.9 % of the true one."
FIGURES = (
    Figure("payment-success", "Payment success", PAYMENTS,
           "Payments that the bank authorised ÷ payments that were tried. Tried: authorised, or declined at least "
           "once; "
           "a payment that the customer left without a try counts as abandoned, not as failed.",
           "Payments asked for in the period, counted again for 5 days.",
           Share(("payment.authorised",), "payment.tried"), "up", above=95, target="over 95 %",
           rows=("payments-failed", "payments-tried")),
    Figure("three-d-secure", "3-D Secure rate", PAYMENTS,
           "Tried payments for which the bank asked for 3-D Secure, with a question to the customer or without, ÷ "
           "tried "
           "payments.", "Payments asked for in the period; what Stripe says of the charge.",
           Share(("payment.secured",), "payment.tried"), above=10, below=20, target="10 to 20 %",
           rows=("payments-secured",)),
    Figure("declines", "Declines", PAYMENTS,
           "Declined attempts ÷ all attempts (declined ones and authorisations). One payment may be tried five times.",
           "Payments asked for in the period; each attempt is counted once by its id at Stripe.",
           Share(("payment.declines",), "payment.attempts"), "down", below=5, target="under 5 %",
           rows=("payments-declined",)),
    Figure("payment-time", "Payment time", PAYMENTS,
           "From our asking Stripe for the payment until we know that it is authorised: what 95 of 100 payments "
           "did not "
           f"exceed. Only payments that went through at the first try without 3-D Secure: the rest of the time is the "
           f"customer's. {_ERROR}", "Payments asked for in the period.",
           Time("payment.time", 0.95), "down", below=3000, target="95 of 100 under 3 s", rows=("payments-timed",)),

    Figure("revenue", "Revenue", MONEY,
           "Sum of what was captured, by the moment of the capture, refunds not taken off (they stand beneath). Each "
           "currency for itself; nothing is converted.", "Payments captured in the period; refunds sent in it.",
           Amounts("money.captured"), "up", rows=("captured", "refunded")),
    Figure("average-booking", "Average booking", MONEY,
           "Captured money ÷ captured payments, each currency for itself.", "Payments captured in the period.",
           Amounts("money.captured", unit="average"), "up", rows=("captured",)),
    Figure("bookings", "Bookings paid", MONEY,
           "Payments captured: each stands for one booking whose ticket is issued.", "Payments captured in the period.",
           Count(("money.captured",)), "up", rows=("captured",)),
    Figure("refunds-due", "Refunds due", MONEY,
           "Refunds decided on that have not gone out to the bank yet, now.", "Refunds in the state “requested”.",
           Count(("level.refunds",)), "down", rows=("refunds-due",)),

    Figure("conversion", "Conversion", FUNNEL,
           "Completed bookings ÷ searches. Completed: the money was captured, or (ticketed by our team, no online "
           "payment) the airline has the order. A booking counts in the hour it was begun, also when it is paid later.",
           "Searches made and bookings begun in the period, counted again for 5 days.",
           Share(("booking.completed",), "search.made"), "up", above=3, below=5, target="3 to 5 %",
           rows=("completed",)),
    Figure("abandonment", "Abandonment at payment", FUNNEL,
           "1 − completed ÷ payment reached. Reached: the page with the payment was shown, or a payment was asked for.",
           "Bookings begun in the period; the first showing of a page is written down within 5 s.",
           Share(("booking.completed",), "booking.reached", rest=True), "down", rows=("started",)),

    Figure("open-cases", "Open cases", CASES, "Cases that nobody and nothing has closed, now.",
           "Cases, counted every minute.", Count(("level.cases",)), "down", rows=("cases-open",)),
    Figure("time-to-solve", "Time to solve", CASES,
           f"From the opening of a case until a person closed it: the middle one (median). {_ERROR}",
           "Cases that a person closed in the period.", Time("case.time", 0.5), "down", rows=("cases-solved",)),
    Figure("healed", "Healed by itself", CASES,
           "Cases that closed themselves because the records agreed again ÷ all that were closed.",
           "Cases closed in the period.", Share(("case.healed",), "case.closed"), "up",
           rows=("cases-healed", "cases-solved")),

    Figure("order-failures", "Order failures", OUTSIDE,
           "Orders that the airline refused, that it could not take, or whose making stayed unknown ÷ orders asked "
           "for. "
           "An order asked for again counts as the last answer says.",
           "Calls “create order” asked in the period, by supplier and cause.",
           Share(("order.failed",), "order.asked"), "down", rows=("orders-failed",)),
    Figure("supplier-latency", "Supplier latency", OUTSIDE,
           "How long searches at a supplier took: what 95 of 100 did not exceed. Requests of bookings stand "
           f"beneath, by whom they ask. {_ERROR}", "Searches of the period; every request of a booking sent in it.",
           Time("search.time", 0.95), "down", rows=("calls",)),
    Figure("supplier-failures", "Supplier failures", OUTSIDE,
           "Searches that a supplier could not answer ÷ searches asked of it, by cause. Requests of bookings that "
           "failed (no answer, 429, 5xx) stand beneath.",
           "Searches of the period; every request of a booking sent in it.",
           Share(("search.failed",), "search.asked"), "down", rows=("calls-failed",)),
    Figure("supplier-balance", "Supplier balance", OUTSIDE,
           "What our account with the supplier held when it last told us, each currency for itself.",
           "Asked by the reconciliation.", Amounts("level.balance", unit="balance"), "up"),
    Figure("webhooks-in-time", "Webhooks in time", OUTSIDE,
           f"Messages heard within {IN_TIME} s of being made ÷ messages that concern us. Heard: their booking was "
           "told. Made: the sender's own clock. One that nobody recognised yet counts as late.",
           "Messages of Stripe and Duffel that came in the period.",
           Share(("webhook.late",), "webhook.came", rest=True), "up", above=99, target="over 99 %",
           rows=("stripe-late", "duffel-late")),
    Figure("webhook-failures", "Webhook failures", OUTSIDE,
           "Messages that we could not keep (answered 500: they are sent again) and messages that nobody "
           "recognised for "
           "72 hours. Unproven ones (answered 400) stand beneath: anybody can send those.",
           "Counted by the web processes every 5 s; what a killed one counted in its last 5 s is lost.",
           Count(("webhook.failed", "webhook.lost")), "down", rows=("stripe-lost", "duffel-lost")),

    Figure("server-errors", "Server errors", HOUSE,
           "Answers with a status of 500 and above, by status; probes of load balancers are left out.",
           "Counted by the web processes every 5 s; what a killed one counted in its last 5 s is lost. The rows "
           "are the "
           "lines of the log.", Count(("web.5xx",)), "down", below=10, target="under 10 a day", per_day=True),
    Figure("database-errors", "Database errors", HOUSE,
           "Database errors that a request, a drive or a job wrote into the log; violated constraints are not errors.",
           "Counted by web, worker and sweeper every 5 s. The rows are the lines of the log.",
           Count(("db.error",)), "down"),
    Figure("queue-lag", "Queue lag", HOUSE,
           "How long the booking that is due longest has been waiting for its driver, in seconds, now.",
           "Bookings that are due, every minute.", Count(("level.queue",), unit="seconds"), "down", below=60,
           target="under 60 s (ours)", rows=("due",)),
)
BY_NAME = {figure.name: figure for figure in FIGURES}
