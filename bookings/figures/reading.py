"""The dashboard's windows (UTC days) and their figures, read from the rolled-up tables in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.db.models import Q

from bookings.figures.collecting import DAY, HOUR, HOURS_KEPT, MARK, hour_of, next_month
from bookings.figures.sums import Row, Sums
from bookings.models import Figure, Heartbeat

PERIODS = {"today": "Day", "7d": "7 days", "30d": "30 days", "12m": "12 months"}
MONTH = "month"  # one calendar month: reached from the months of a year
COLUMNS = ("metric", "dim", "n", "total", "high", "hist")
_LENGTH = {"today": 1, "7d": 7, "30d": 30}


@dataclass(frozen=True)
class Window:
    """A stretch of time that ends with a day, told in steps, and the stretch before it. Times UTC, ends excluded."""

    period: str
    day: date
    grain: str  # of the steps: h, d, m
    start: datetime
    end: datetime  # the end of the last day, or of the present hour
    full_end: datetime  # the end if all of it were over
    ran: datetime  # until where its hours are over: what is compared with the stretch before
    before_start: datetime
    before_end: datetime  # as many whole hours after its start as are over: a day that runs is compared with as much

    @property
    def over(self) -> bool:
        """Whether nothing more can happen in it."""
        return self.ran == self.full_end

    @property
    def days(self) -> float:
        """How many days it is long, the running one counted whole."""
        return max(1.0, float(-(-(self.end - self.start) // DAY)))

    def steps(self) -> Iterator[tuple[datetime, datetime]]:
        """Start and end of each step, those to come included."""
        at = self.start
        while at < self.full_end:
            ends = {"h": at + HOUR, "d": at + DAY, "m": next_month(at)}[self.grain]
            yield at, ends
            at = ends


@dataclass(frozen=True)
class Reading:
    """What was counted in a window: all of it, step by step, before it, and how things stand at its end."""

    window: Window
    sums: Sums
    ran: Sums  # all but the running hour
    before: Sums
    steps: dict[datetime, Sums]
    levels: Sums
    levels_before: Sums
    counted: datetime | None  # until when the collector has counted
    last_days: dict[int, Sums]  # money of the last 1, 7 and 30 days


def window(period: str, day: date, now: datetime) -> Window:
    """The window of a period that ends with `day` (never after today)."""
    here = now.astimezone(UTC)
    day = min(day, here.date())
    midnight = datetime.combine(day, time(), UTC)
    last, grain = midnight + DAY, "d"
    if period == "12m":
        grain, month = "m", midnight.replace(day=1)
        start, before = _months_back(month, 11), _months_back(month, 23)
        last = next_month(month)
    elif period == MONTH:
        start = midnight.replace(day=1)
        last, before = next_month(start), _months_back(start, 1)
    else:
        start = midnight - DAY * (_LENGTH[period] - 1)
        before = start - DAY * _LENGTH[period]
        grain = "h" if period == "today" and start > here - HOURS_KEPT else "d"
    end = min(last, hour_of(here) + HOUR)
    ran = min(last, hour_of(here))
    return Window(period, day, grain, start, end, last, ran, before, min(start, before + (ran - start)))


def _months_back(month: datetime, months: int) -> datetime:
    number = month.year * 12 + month.month - 1 - months
    return month.replace(year=number // 12, month=number % 12 + 1)


def pieces(start: datetime, end: datetime) -> list[tuple[str, datetime, datetime]]:
    """A stretch of whole hours in as few ranges of months, days and hours as it takes."""
    found: list[tuple[str, datetime, datetime]] = []
    at = start
    while at < end:
        if at.day == 1 and at.hour == 0 and next_month(at) <= end:
            grain, ends = "m", next_month(at)
        elif at.hour == 0 and at + DAY <= end:
            grain, ends = "d", at + DAY
        else:
            grain, ends = "h", at + HOUR
        if found and found[-1][0] == grain:
            found[-1] = (grain, found[-1][1], ends)
        else:
            found.append((grain, at, ends))
        at = ends
    return found


def read(asked: Window, now: datetime) -> Reading:
    """Everything the dashboard shows of a window: six queries, of some thousand small rows at most."""
    steps: dict[datetime, list[Row]] = defaultdict(list)
    rows = Figure.objects.filter(grain=asked.grain, at__gte=asked.start, at__lt=asked.end)
    for at, *row in rows.values_list("at", *COLUMNS):
        steps[at].append(tuple(row))
    mark = Heartbeat.objects.filter(name=MARK).first()
    counted = datetime.fromisoformat(mark.note["counted"]) if mark and "counted" in mark.note else None
    counted_rows = [row for found in steps.values() for row in found]
    sums = Sums.of(counted_rows)
    return Reading(
        window=asked, sums=sums, ran=sums if asked.over else Sums.of([*counted_rows, *_taken_off(asked.ran)]),
        steps={at: Sums.of(found) for at, found in steps.items()},
        before=sums_of(asked.before_start, asked.before_end), levels=_levels(asked.end - HOUR),
        levels_before=_levels(asked.before_end - HOUR), counted=counted, last_days=_last_days(asked))


def sums_of(start: datetime, end: datetime) -> Sums:
    """What was counted in a stretch of whole hours (UTC)."""
    wanted = Q(pk=None)
    for grain, first, ends in pieces(start, end):
        wanted |= Q(grain=grain, at__gte=first, at__lt=ends)
    return Sums.of(Figure.objects.filter(wanted).values_list(*COLUMNS))


def _taken_off(at: datetime) -> list[Row]:
    """The running hour with its sign turned: what is left are the hours that are over."""
    rows = Figure.objects.filter(grain="h", at=at).exclude(metric__startswith="level.").values_list(*COLUMNS)
    return [(metric, dim, -n, -total, 0, {place: -many for place, many in (hist or {}).items()})
            for metric, dim, n, total, _, hist in rows]


def _levels(at: datetime) -> Sums:
    """How things stood in that hour, or in one of the two before it when nobody looked then."""
    rows = list(Figure.objects.filter(grain="h", at__gte=at - 2 * HOUR, at__lte=at, metric__startswith="level.")
                .values_list("at", *COLUMNS))
    newest = max((row[0] for row in rows), default=None)
    return Sums.of(row[1:] for row in rows if row[0] == newest)


def _last_days(asked: Window) -> dict[int, Sums]:
    """The money of the last 1, 7 and 30 days, whatever the period: three rows of one tile."""
    last = datetime.combine(asked.day, time(), UTC)
    rows = list(Figure.objects.filter(grain="d", at__gt=last - 30 * DAY, at__lte=last, metric__startswith="money.")
                .values_list("at", *COLUMNS))
    return {days: Sums.of(row[1:] for row in rows if row[0] > last - days * DAY) for days in (1, 7, 30)}


def day_of(text: str, now: datetime) -> date:
    """A day out of an address; today when it is none, or lies ahead."""
    try:
        return min(date.fromisoformat(text), now.astimezone(UTC).date())
    except ValueError:
        return now.astimezone(UTC).date()


