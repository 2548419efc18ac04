"""By keyboard alone, by touch on a phone, and without scripts: the whole way."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.following import follow
from tests.journeys.visitor import GOOD_CARD, Visitor, minor

Arrive = Callable[..., Visitor]
MOST = 250  # presses of Tab until something counts as out of reach

# What has the focus: null, or what is wrong with it. A ring must be drawn, and the thing must not be covered.
LOOK = """() => {
  const it = document.activeElement;
  if (!it || it === document.body || it === document.documentElement) return null;
  const name = it.outerHTML.slice(0, 120);
  if (it.tagName === 'IFRAME') return null;
  const box = it.getBoundingClientRect(), label = it.labels && it.labels[0];
  const small = box.width < 3 || box.height < 3 || getComputedStyle(it).opacity === '0';
  const shown = small && label ? label : it, place = shown.getBoundingClientRect();
  const around = [it.parentElement, it.closest('label'), it.closest('label')?.parentElement].filter(Boolean);
  const ringed = [it, shown, ...(label ? [label, ...label.children] : []), ...around].some((one) => {
    const style = getComputedStyle(one);
    return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== 'none';
  });
  if (!ringed) return 'no ring: ' + name;
  if (place.bottom <= 0 || place.top >= innerHeight) return 'outside of the window: ' + name;
  const x = (Math.max(0, place.left) + Math.min(innerWidth, place.right)) / 2;
  const y = (Math.max(0, place.top) + Math.min(innerHeight, place.bottom)) / 2;
  const top = document.elementFromPoint(x, y);
  if (top && !(it.contains(top) || top.contains(it) || shown.contains(top))) {
    return 'hidden beneath ' + top.outerHTML.slice(0, 80) + ': ' + name;
  }
  return null;
}"""


class Keys:
    """Hands on a keyboard. Nothing here touches a mouse; every place the focus goes to is looked at."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, target: Locator, key: str = "Tab") -> None:
        """Tab until it has the focus."""
        target.wait_for()
        for _ in range(MOST):
            if target.evaluate("it => it === document.activeElement"):
                return
            self.press(key)
            said = self.page.evaluate(LOOK)
            if said:
                self.wrong.append(said)
        raise AssertionError(f"the keyboard does not get to {target}")

    def type_into(self, target: Locator, text: str) -> None:
        self.tab_to(target)
        self.page.keyboard.type(text)

    def button(self, name: str | re.Pattern[str]) -> None:
        self.tab_to(self.page.get_by_role("button", name=name).first)
        self.press("Enter")


def test_by_keyboard_alone(visitor: Visitor) -> None:
    page, keys = visitor.page, Keys(visitor.page)
    page.goto(visitor.stack.url)
    keys.press("Tab")
    expect(page.get_by_role("link", name="Skip to the main part")).to_be_focused()
    keys.press("Enter")
    keys.tab_to(page.locator("[name=trip]:checked"))
    for _ in range(3):
        if not page.get_by_label("One way").is_checked():
            keys.press("ArrowRight")
    expect(page.get_by_label("One way")).to_be_checked()
    for field, text in (("From", "Boston"), ("To", "Miami")):
        box = page.get_by_role("combobox", name=field, exact=True)
        keys.type_into(box, text)
        expect(page.get_by_role("option").first).to_be_visible()
        keys.press("ArrowDown", "Enter")
        expect(box).to_have_value(re.compile(text))
    day = visitor.day()
    keys.type_into(page.get_by_label("Leaving on"), f"{day[5:7]}{day[8:]}{day[:4]}")
    expect(page.get_by_label("Leaving on")).to_have_value(day)
    keys.press("Enter")
    visitor.found()
    keys.tab_to(page.locator("article.offer").filter(has_text="Duffel Airways").first.get_by_role("button", name="Choose"))
    keys.press("Enter")
    visitor.sees("Choose your fare and extras")
    fare = page.locator("fieldset.fares-set input:checked")
    keys.tab_to(fare)
    keys.button(re.compile("^(Choose|Change) seats"))
    seat = choose_a_seat(visitor, keys)
    keys.tab_to(page.get_by_role("link", name="Back to extras"))
    keys.press("Enter")
    visitor.sees("Choose your fare and extras")
    expect(page.get_by_text(f"seat {seat}", exact=True)).to_be_visible()
    total = visitor.total
    keys.button("Continue to travellers")
    visitor.sees("Who is travelling?")
    traveller(page, keys)
    keys.press("Enter")
    visitor.sees("Review and pay")
    for name in ("dangerous_goods", "names_and_terms"):
        keys.tab_to(page.locator(f"#{name}"))
        keys.press("Space")
        expect(page.locator(f"#{name}")).to_be_checked()
    card(visitor, keys)
    keys.tab_to(page.locator("[data-pay-button]"))
    keys.press("Enter")
    visitor.sees("Your trip is confirmed")
    assert keys.wrong == []
    assert visitor.all_agree(visitor.reference, "CONFIRMED")["retained_minor"] == total


def choose_a_seat(visitor: Visitor, keys: Keys) -> str:
    """Tab into the plane, arrows, Enter; an exit row asks first."""
    page = visitor.page
    keys.tab_to(page.locator("[data-grid] button[tabindex='0']").first)
    keys.press("ArrowDown", "ArrowRight")
    name = str(page.locator("[data-grid] button:focus").get_attribute("id"))
    keys.press("Enter")
    expect(page.locator(f"#{name}[aria-pressed=true]").or_(page.locator("#ask-title"))).to_be_visible()
    if page.locator("#ask-title").count():
        keys.tab_to(page.locator("#agreed"))
        keys.press("Space")
        keys.button(re.compile("^Take seat"))
    expect(page.locator(f"#{name}")).to_have_attribute("aria-pressed", "true")
    return name.removeprefix("s")


def traveller(page: Page, keys: Keys) -> None:
    """The form from the first field to the last, in the order of the page."""
    keys.type_into(page.locator("#passengers-0-givenName"), "Hazel")
    keys.type_into(page.locator("#passengers-0-familyName"), "Johnson")
    keys.type_into(page.locator("#passengers-0-title"), "Ms")
    keys.type_into(page.locator("#passengers-0-gender"), "F")
    for part, value in (("day", "10"), ("month", "12"), ("year", "1990")):
        keys.type_into(page.locator(f"#passengers-0-bornOn-{part}"), value)
    keys.type_into(page.locator("#contact-email"), "hazel@example.com")
    keys.type_into(page.locator("#contact-phone"), "+44 20 8016 0508")


def card(visitor: Visitor, keys: Keys) -> None:
    """Into the card's frame with Tab, and out of it again."""
    page = visitor.page
    visitor.card_is_ready()
    frame = page.frame_locator("#card-form iframe")
    number = frame.get_by_label("Card number")
    for _ in range(MOST):
        if number.evaluate("it => document.hasFocus() && it === document.activeElement"):
            break
        keys.press("Tab")
    page.keyboard.type(GOOD_CARD)
    keys.press("Tab")
    page.keyboard.type("1234")
    keys.press("Tab")
    page.keyboard.type("123")
    zip_code = frame.get_by_label("ZIP code")
    for _ in range(5):
        if zip_code.evaluate("it => it === document.activeElement"):
            break
        keys.press("Tab")
    page.keyboard.type("94107")
    expect(zip_code).to_have_value("94107")


def test_hold_then_pay_by_touch_on_a_phone(arrive: Arrive) -> None:
    visitor = arrive(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = visitor.page
    assert visitor.touch
    visitor.search("BOS", "MIA", ("Boston", "Miami"))
    fits(page)
    visitor.choose_offer(holdable=True)
    visitor.sees("Choose your fare and extras")
    fits(page)
    visitor.button("Continue to travellers")
    visitor.sees("Who is travelling?")
    fits(page)
    visitor.fill_in("Wally", "Funk")
    fits(page)
    reference = visitor.held()
    fits(page)
    held = visitor.all_agree(reference, "HOLD", ["hold_created"])
    assert (held["retained_minor"], [order["state"] for order in held["orders"]], held["payments"]) == (
        0, ["held"], [])
    visitor.press(page.get_by_role("link", name=re.compile("^Pay .* now$")))
    visitor.sees("Pay for your trip")
    fits(page)
    visitor.outside("/_faults", operation="stripe.create_payment_intent", kind="latency", seconds=1.5)  # as from afar
    shown = minor(visitor.pay())
    visitor.sees("Your trip is confirmed")
    fits(page)
    line = visitor.all_agree(reference, "CONFIRMED", ["hold_created", "confirmed"])
    assert line["retained_minor"] == shown


def fits(page: Page) -> None:
    """Nothing hangs over the side, and everything that is pressed is large enough for a finger."""
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    small = page.evaluate("""() => [...document.querySelectorAll('main button:not(.hidden-text), main select, main a.button')].filter((one) => {
      const box = one.getBoundingClientRect();
      return one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && box.width > 3
        && (box.height < 24 || box.width < 24);
    }).map((one) => one.outerHTML.slice(0, 100))""")
    assert small == []


def test_without_scripts_from_home_to_held(arrive: Arrive) -> None:
    visitor = arrive(java_script_enabled=False)
    page = visitor.page
    page.goto(visitor.stack.url)
    page.get_by_label("One way").check()
    page.get_by_label("From", exact=True).fill("london")
    page.get_by_label("To", exact=True).fill("JFK")
    page.get_by_label("Leaving on").fill(visitor.day())
    visitor.button("Search flights")
    visitor.sees("Which “london” did you mean?")
    page.get_by_label(re.compile("LHR")).check()
    visitor.button("Search flights")
    visitor.found()
    visitor.press(page.locator("article.offer").filter(has_text="Hold now, pay later").filter(
        has_text="Duffel Airways").first.get_by_role("button", name="Choose"))
    visitor.sees("Choose your fare and extras")
    plain = visitor.total
    page.locator("fieldset.direction select").first.select_option("1")
    follow(page.get_by_role("button", name="Update total"))
    expect(page.locator("fieldset.direction select").first).to_have_value("1")
    assert visitor.total > plain
    page.locator("fieldset.direction select").first.select_option("0")
    page.get_by_role("button", name=re.compile("^Choose seats")).first.click()
    page.get_by_role("link", name="Show as list").click()
    page.locator("table.seat-list input[value='none']").check()
    page.locator("table.seat-list input:not([value='none'])").first.check()
    visitor.button("Take the marked seat")
    taken = page.locator("#map-title").filter(has_text="seat")
    expect(taken.or_(page.locator("#ask-title"))).to_be_visible()
    if page.locator("#ask-title").count():
        page.locator("#agreed").check()
        visitor.button("Take seat")
    expect(taken).to_be_visible()
    with_seat = visitor.total
    page.locator("table.seat-list input[value='none']").check()
    visitor.button("Take the marked seat")
    expect(taken).to_have_count(0)
    assert visitor.total == plain <= with_seat
    page.get_by_role("link", name="Back to extras").click()
    visitor.button("Continue to travellers")
    visitor.type_traveller("Beatrice", "Shilling")
    visitor.button("Continue to review")
    visitor.sees("Review and pay")
    expect(page.locator("main")).to_contain_text("Card payment needs JavaScript.", use_inner_text=True)
    visitor.button("Hold now, pay later")
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()  # the ticks are missing
    visitor.tick()
    reference = visitor.held()
    assert visitor.all_agree(reference, "HOLD", ["hold_created"])["retained_minor"] == 0
    page.get_by_role("link", name=re.compile("^Pay .* now$")).click()
    visitor.sees("Pay for your trip")
    expect(page.locator("main")).to_contain_text("Card payment needs JavaScript.", use_inner_text=True)
    page.locator("noscript button").click()
    visitor.letter("lookup_link", reference)
