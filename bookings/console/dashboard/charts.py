"""Charts drawn on the server as SVG: no script, no style attribute, round numbers, a sentence for those who hear.

Every chart is drawn twice, wide and narrow, because letters in a shrunken picture cannot be read; the stylesheet shows
one of them. Kinds of lines differ in dashes, not only in colour, and the table beneath holds every number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDE, NARROW = (560, 210), (318, 190)
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 12, 24
LETTER = 6.4  # width of a letter of the axis, px


@dataclass(frozen=True)
class Line:
    """One kind of value along the steps; None where there is none."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Chart:
    """What is drawn: values along steps. `bars` for sums, lines for shares and times."""

    name: str
    title: str
    steps: Sequence[str]  # what each step is called beneath the axis
    lines: Sequence[Line]
    say: Callable[[float], str]  # how a value is written
    axis: Callable[[float], str]
    bars: bool = False
    top: float | None = None  # the end of the axis, where it is given (100 %)
    bottom: float = 0.0  # where the axis of lines begins; bars always begin at 0
    target: tuple[float, ...] = ()
    full_steps: Sequence[str] = field(default=())  # what each step is called in words

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value is not None for line in self.lines for value in line.values)

    def pictures(self) -> list[SafeString]:
        """The wide one and the narrow one."""
        return [draw(self, "wide", *WIDE), draw(self, "narrow", *NARROW)]

    def told(self) -> str:
        """The chart in a sentence."""
        said = []
        for line in self.lines:
            known = [(value, step) for value, step in zip(line.values, self.words, strict=True) if value is not None]
            if known:
                low, high = min(known), max(known)
                name = f"{line.name}: " if len(self.lines) > 1 else ""
                said.append(f"{name}lowest {self.say(low[0])} ({low[1]}), highest {self.say(high[0])} ({high[1]})")
        return "; ".join(said) + "." if said else "No data yet."

    @property
    def words(self) -> Sequence[str]:
        """The steps in words."""
        return self.full_steps or self.steps

    def table(self) -> list[tuple[str, list[str]]]:
        """Each step with its values in words."""
        return [(step, [self.say(value) if (value := line.values[place]) is not None else "–" for line in self.lines])
                for place, step in enumerate(self.words)]


def ticks(top: float, most: int = 5) -> list[float]:
    """Round numbers from 0 to at least `top`: steps of 1, 2 or 5 times a power of ten."""
    if top <= 0:
        return [0.0, 1.0]
    rough = top / most
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999999)
    return [step * number for number in range(math.ceil(top / step - 1e-9) + 1)]


def draw(chart: Chart, kind: str, width: int, height: int) -> SafeString:
    """The chart as one SVG element."""
    values = [value for line in chart.lines for value in line.values if value is not None]
    marks = ticks(max([*values, *chart.target], default=0.0))
    if chart.top is not None:
        marks = [chart.bottom + mark for mark in ticks(chart.top - chart.bottom) if mark <= chart.top - chart.bottom]
    frame = _Frame(width, height, len(chart.steps), marks[-1], chart.bottom)
    body = [_grid(frame, marks, chart), _below(frame, chart), *(
        format_html('<line class="goal" x1="{}" x2="{}" y1="{}" y2="{}"/>', LEFT, width - RIGHT, frame.y(goal),
                    frame.y(goal)) for goal in chart.target)]
    body += [(_bars if chart.bars else _path)(frame, chart, line, number) for number, line in enumerate(chart.lines, 1)]
    return format_html(
        '<svg class="chart {}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-labelledby="{}-{}-t {}-{}-d">'
        '<title id="{}-{}-t">{}</title><desc id="{}-{}-d">{}</desc>{}</svg>', kind, width, height, width, height,
        chart.name, kind, chart.name, kind, chart.name, kind, chart.title, chart.name, kind, chart.told(),
        format_html_join("", "{}", ((part,) for part in body)))


@dataclass(frozen=True)
class _Frame:
    """Where a value of a step is drawn."""

    width: int
    height: int
    steps: int
    top: float
    bottom: float = 0.0

    @property
    def room(self) -> float:
        return (self.width - LEFT - RIGHT) / max(1, self.steps)

    def x(self, step: int) -> float:
        return round(LEFT + self.room * (step + 0.5), 1)

    def y(self, value: float) -> float:
        inside = self.height - TOP - BOTTOM
        share = (value - self.bottom) / (self.top - self.bottom)
        return round(self.height - BOTTOM - inside * max(0.0, min(1.0, share)), 1)


def _grid(frame: _Frame, marks: Sequence[float], chart: Chart) -> SafeString:
    return format_html_join("", '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="axis" x="{}" y="{}" '
                            'text-anchor="end">{}</text>',
                            ((LEFT, frame.width - RIGHT, frame.y(mark), frame.y(mark), LEFT - 6, frame.y(mark) + 4,
                              chart.axis(mark)) for mark in marks))


def _below(frame: _Frame, chart: Chart) -> SafeString:
    """As many step names as fit beside each other, counted from the last one; hours from midnight."""
    longest = max((len(step) for step in chart.steps), default=1)
    every = max(1, math.ceil((longest * LETTER + 10) / frame.room))
    last = len(chart.steps) - 1
    kept = range(0, last + 1, every) if chart.steps[0] == "00:00" else range(last, -1, -every)
    return format_html_join("", '<text class="axis" x="{}" y="{}" text-anchor="middle">{}</text>', (
        (min(frame.x(number), frame.width - longest * LETTER / 2), frame.height - 7, chart.steps[number])
        for number in kept))


def _bars(frame: _Frame, chart: Chart, line: Line, number: int) -> SafeString:
    """One bar a step; several kinds stand beside each other."""
    kinds = len(chart.lines)
    wide = max(1.0, round(frame.room * 0.72 / kinds, 1))
    floor = frame.y(0)
    return format_html_join("", '<rect class="kind-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>', (
        (number, round(frame.x(step) - wide * kinds / 2 + wide * (number - 1), 1), frame.y(value), wide,
         round(floor - frame.y(value), 1), f"{chart.words[step]}: {chart.say(value)}")
        for step, value in enumerate(line.values) if value))


def _path(frame: _Frame, chart: Chart, line: Line, number: int) -> SafeString:
    """A line with gaps where nothing is known; a value alone between gaps is a dot."""
    parts, pen = [], "M"
    for step, value in enumerate(line.values):
        if value is None:
            pen = "M"
            continue
        parts.append(f"{pen}{frame.x(step)} {frame.y(value)}")
        pen = "L"
    dots = format_html_join("", '<circle class="kind-{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>', (
        (number, frame.x(step), frame.y(value), 2.5 if len(line.values) < 40 else 1.5,
         f"{line.name}, {chart.words[step]}: {chart.say(value)}")
        for step, value in enumerate(line.values) if value is not None))
    return format_html('<path class="kind-{}" d="{}"/>{}', number, " ".join(parts), dots)
