"""The browser script in real Chromium, on a page of another origin with a strict policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserType, FrameLocator, Page, expect

from tests.chromium import path
from tests.sandbox.process import Sandbox
from tests.sandbox.stripe_shop import PageHost, Shop, as_json, validate_everything, validate_nothing

VENDORS = ["sandbox.stripe.vendor"]
DEFERRED = {"mode": "payment", "amount": 59999, "currency": "usd", "captureMethod": "manual"}


def setup_module() -> None:
    validate_everything()


def teardown_module() -> None:
    validate_nothing()


@pytest.fixture(scope="module")
def chromium(browser_type: BrowserType) -> Iterator[Browser]:
    browser = browser_type.launch(executable_path=path(), args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def host(running: Sandbox) -> Iterator[PageHost]:
    host = PageHost(running.url)
    yield host
    host.stop()


@pytest.fixture
def page(chromium: Browser, host: PageHost) -> Iterator[Page]:
    context = chromium.new_context(locale="en-US", viewport={"width": 700, "height": 800})
    page = context.new_page()
    page.set_default_timeout(8000)
    page.goto(host.url)
    yield page
    context.close()


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox)


def set_up(page: Page, **options: Any) -> FrameLocator:
    page.evaluate("options => setUp(options)", options or DEFERRED)
    expect(page.locator("body.ready, body.loaderror")).to_have_count(1)
    return page.frame_locator("#here iframe")


def fill(card: FrameLocator, number: str = "4242424242424242", expiry: str = "1234", cvc: str = "123") -> None:
    card.get_by_label("Card number").fill("")
    card.get_by_label("Card number").press_sequentially(number)
    card.get_by_label("Expiry date MM / YY").press_sequentially(expiry)
    card.get_by_label("Security code").fill(cvc)
    card.get_by_label("ZIP code").fill("94107")


def pay(page: Page, secret: str | None = None, **more: Any) -> None:
    page.evaluate(
        "more => { window.more = more; document.querySelector('#result').textContent = ''; }",
        {"clientSecret": secret, **more} if secret else more,
    )
    page.get_by_role("button", name="Pay").click()


def result(page: Page) -> Any:
    expect(page.locator("#result")).not_to_be_empty()
    return as_json(page.locator("#result").inner_text())


def bank(page: Page, answer: str) -> None:
    dialog = page.frame_locator("dialog iframe")
    expect(dialog.get_by_text("USD 599.99")).to_be_visible()
    dialog.get_by_role("button", name=answer).click()


def test_pay_and_the_number_never_reaches_the_page(page: Page, shop: Shop) -> None:
    card = set_up(page)
    fill(card)
    expect(card.get_by_label("Card number")).to_have_value("4242 4242 4242 4242")
    intent = shop.intent()
    pay(page, intent.client_secret)
    answer = result(page)
    assert answer["paymentIntent"]["status"] == "requires_capture"
    assert "metadata" not in answer["paymentIntent"]
    assert shop.money() == [("payment_intent.created", 59999), ("payment_intent.authorised", 59999)]
    charge = shop.v1.charges.list(params={"payment_intent": intent.id}).data[0]
    assert (charge.billing_details.address.country, charge.billing_details.address.postal_code) == ("US", "94107")
    heard = " ".join(page.evaluate("heard"))
    assert "4242" not in heard.replace('"last4":"4242"', "") and "1234" not in heard.replace(intent.id, "")
    assert page.evaluate("blocked") == []
    changes = [event for event in page.evaluate("fired") if event["name"] == "change"]
    assert changes[-1]["complete"] is True and changes[-1]["value"] == {"type": "card"}


def test_decline_then_pay_with_the_same_intent(page: Page, shop: Shop) -> None:
    card = set_up(page)
    fill(card, "4000000000009995")
    intent = shop.intent()
    pay(page, intent.client_secret)
    error = result(page)["error"]
    assert (error["type"], error["code"], error["decline_code"]) == (
        "card_error",
        "card_declined",
        "insufficient_funds",
    )
    assert error["message"] == "Your card has insufficient funds."
    assert error["payment_intent"]["status"] == "requires_payment_method"
    fill(card, "5555555555554444", "", "123")
    pay(page, intent.client_secret)
    assert result(page)["paymentIntent"]["id"] == intent.id
    assert [amount for event, amount in shop.money() if event == "payment_intent.authorised"] == [59999]


@pytest.mark.parametrize(("button", "status"), [("Complete authentication", "requires_capture"),
                                                ("Fail authentication", "requires_payment_method")])  # fmt: skip
def test_three_d_secure_in_a_dialog(page: Page, shop: Shop, button: str, status: str) -> None:
    card = set_up(page)
    fill(card, "4000002760003184")
    intent = shop.intent()
    pay(page, intent.client_secret)
    bank(page, button)
    answer = result(page)
    if status == "requires_capture":
        assert answer["paymentIntent"]["status"] == status
    else:
        assert answer["error"]["code"] == "payment_intent_authentication_failure"
        assert answer["error"]["payment_intent"]["status"] == status
    assert shop.v1.payment_intents.retrieve(intent.id).status == status
    assert page.locator("dialog").count() == 0
    assert page.evaluate("blocked") == []


@pytest.mark.parametrize(("number", "expiry", "cvc", "code"), [
    ("4242424242424241", "1234", "123", "invalid_number"),
    ("424242424242", "1234", "123", "incomplete_number"),
    ("4242424242424242", "0120", "123", "invalid_expiry_year_past"),
    ("378282246310005", "1234", "123", "incomplete_cvc"),
])  # fmt: skip
def test_a_wrong_card_is_refused_in_the_frame(
    page: Page, shop: Shop, number: str, expiry: str, cvc: str, code: str
) -> None:
    card = set_up(page)
    fill(card, number, expiry, cvc)
    pay(page, shop.intent().client_secret)
    error = result(page)["error"]
    assert (error["type"], error["code"]) == ("validation_error", code)
    expect(card.get_by_role("alert").filter(has_text=error["message"])).to_be_visible()
    assert shop.events() == ["payment_intent.created"]


@pytest.mark.parametrize(("name", "value"), [("amount", 60000), ("currency", "eur"), ("captureMethod", "automatic")])
def test_elements_for_another_payment_are_refused(page: Page, shop: Shop, name: str, value: object) -> None:
    card = set_up(page, **{**DEFERRED, name: value})
    fill(card)
    pay(page, shop.intent().client_secret)
    assert "does not match the PaymentIntent" in result(page)["error"]["message"]
    assert ("payment_intent.authorised", 59999) not in shop.money()


def test_a_token_of_elements_for_another_payment_is_refused(page: Page, shop: Shop) -> None:
    fill(set_up(page, **{**DEFERRED, "amount": 60000}))
    page.evaluate("elements.submit()")
    token = page.evaluate("stripe.createConfirmationToken({elements})")["confirmationToken"]["id"]
    with pytest.raises(stripe.InvalidRequestError, match="does not match the PaymentIntent"):
        shop.intent(confirm=True, confirmation_token=token)
    assert shop.intent(60000, confirm=True, confirmation_token=token).status == "requires_capture"


def test_elements_updated_to_the_new_amount_pay(page: Page, shop: Shop) -> None:
    card = set_up(page)
    fill(card)
    page.evaluate("elements.update({amount: 70000})")
    pay(page, shop.intent(70000).client_secret)
    assert result(page)["paymentIntent"]["amount"] == 70000


def test_confirm_before_submit_is_an_integration_error(page: Page, shop: Shop) -> None:
    set_up(page)
    error = page.evaluate(
        "s => stripe.confirmPayment({elements, clientSecret: s, redirect: 'if_required'}).catch(e => `${e}`)",
        shop.intent().client_secret,
    )
    assert error.startswith("IntegrationError") and "elements.submit()" in error


def test_elements_refuse_a_payment_that_is_over(page: Page, shop: Shop) -> None:
    intent = shop.paid_with("pm_card_visa")
    card = set_up(page, clientSecret=intent.client_secret)
    errors = [event["error"] for event in page.evaluate("fired") if event["name"] == "loaderror"]
    assert [error["code"] for error in errors] == ["payment_intent_unexpected_state"]
    expect(card.get_by_role("alert").filter(has_text="can no longer be made")).to_be_visible()


def test_a_client_secret_alone_pays_and_the_page_goes_to_the_return_address(
    page: Page, shop: Shop, host: PageHost
) -> None:
    intent = shop.intent()
    fill(set_up(page, clientSecret=intent.client_secret))
    pay(page, redirect="always", confirmParams={"return_url": f"{host.url}/done?b=1"})
    page.wait_for_url(f"{host.url}/done?*")
    assert f"b=1&payment_intent={intent.id}&payment_intent_client_secret=" in page.url
    assert page.url.endswith("redirect_status=succeeded")
    page.evaluate("window.stripe = Stripe('pk_test_page')")
    seen = page.evaluate("s => stripe.retrievePaymentIntent(s)", intent.client_secret)
    assert seen["paymentIntent"]["status"] == "requires_capture"


def test_a_confirmation_token_and_the_next_action(page: Page, shop: Shop) -> None:
    fill(set_up(page), "4000000000003220")
    page.evaluate("elements.submit()")
    token = page.evaluate("stripe.createConfirmationToken({elements, params: {return_url: location.href}})")
    ident = token["confirmationToken"]["id"]
    preview = shop.v1.confirmation_tokens.retrieve(ident).payment_method_preview
    assert preview is not None and preview.card is not None and preview.card.last4 == "3220"
    intent = shop.intent(confirm=True, confirmation_token=ident, use_stripe_sdk=True)
    assert intent.status == "requires_action"
    page.evaluate("s => { next(stripe.handleNextAction({clientSecret: s})); }", intent.client_secret)
    bank(page, "Complete authentication")
    assert result(page)["paymentIntent"]["status"] == "requires_capture"
    again = page.evaluate("s => stripe.handleNextAction({clientSecret: s}).catch(e => e.name)", intent.client_secret)
    assert again == "IntegrationError"


@pytest.mark.parametrize(
    ("button", "status"), [("Complete authentication", "succeeded"), ("Fail authentication", "failed")]
)
def test_a_full_page_challenge_comes_back(page: Page, shop: Shop, host: PageHost, button: str, status: str) -> None:
    intent = shop.paid_with("pm_card_authenticationRequired", return_url=f"{host.url}/back")
    assert intent.next_action is not None and intent.next_action.redirect_to_url is not None
    page.goto(str(intent.next_action.redirect_to_url.url))
    page.get_by_role("button", name=button).click()
    page.wait_for_url(f"{host.url}/back?*")
    assert page.url.endswith(f"redirect_status={status}")


def test_the_element_fits_a_small_phone(page: Page, shop: Shop) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    card = set_up(page)
    pay(page, shop.intent().client_secret)
    assert result(page)["error"]["code"] == "incomplete_number"
    frame = next(frame for frame in page.frames if "/stripe-js/element" in frame.url)
    sizes = frame.evaluate(
        "[document.documentElement.scrollWidth - innerWidth, document.body.scrollHeight - innerHeight]"
    )
    assert sizes[0] <= 0 and sizes[1] <= 1
    expect(card.get_by_label("Country")).to_be_visible()


def test_the_frames_have_no_accessibility_violation(page: Page, shop: Shop) -> None:
    bank_page = shop.paid_with("pm_card_authenticationRequired", return_url="http://shop.test/r")
    assert bank_page.next_action is not None and bank_page.next_action.redirect_to_url is not None
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    for url in (f"{shop.sandbox.url}/stripe-js/element", str(bank_page.next_action.redirect_to_url.url)):
        page.goto(url)
        if url.endswith("/element"):
            page.get_by_label("Card number").fill("4242")
            page.get_by_label("Security code").focus()
            expect(page.get_by_text("Your card number is incomplete.")).to_be_visible()
        found = Axe().run(page, options=rules)
        assert found.violations_count == 0, found.generate_report()
