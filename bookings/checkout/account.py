"""A customer's account: signing up, in and out, the password, and closing it."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings import access, account_links, accounts
from bookings.checkout.pages import page, summary
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem

BACKEND = "django.contrib.auth.backends.ModelBackend"
WRONG = "We know no account with this e-mail address and password. Check both, or choose a new password."
SAID = {"password": "Your password is changed, and you are signed out everywhere else.",
        "verified": "Your e-mail address is confirmed.", "sent": "We have sent the link again. Look into your mailbox.",
        "joined": "The bookings are in your account now.", "closed": "Your account is closed."}
GET_AND_POST = ["GET", "HEAD", "POST"]


@sensitive_post_parameters("password")
@require_http_methods(GET_AND_POST)
@page
def sign_up(request: HttpRequest) -> HttpResponse:
    """A new account; the same reply whether there is one already or not."""
    wrong: dict[str, str] = {}
    if request.method == "POST":
        try:
            email, password = accounts.check_sign_up(request.POST)
        except Problem as problem:
            wrong = problem.field_errors
        else:
            now = clock.now()
            accounts.count_try(request, "sign-up", email, now)
            accounts.sign_up(email=email, password=password, now=now)
            return redirect(f"{reverse('account-mailed')}?what=sign-up")
    return _form(request, "sign_up", wrong, email=_typed(request), new=True)


@sensitive_post_parameters("password")
@require_http_methods(GET_AND_POST)
@page
def sign_in(request: HttpRequest) -> HttpResponse:
    """The door: one reply for everything that is wrong, and five tries for an address and a user."""
    after = safe_next(request)
    wrong: dict[str, str] = {}
    if request.method == "POST":
        user = accounts.sign_in(request, email=_typed(request), password=request.POST.get("password", ""))
        if user is not None:
            return _enter(request, user, after)
        wrong = {"email": WRONG}
    elif accounts.email_of(request.user):
        return redirect(after)
    return _form(request, "sign_in", wrong, email=_typed(request), after=request.GET.get("next", "") and after)


@require_POST
@page
def sign_out(request: HttpRequest) -> HttpResponse:
    """Leave: this browser sees nothing of ours any more."""
    logout(request)
    response = redirect("home")
    response.delete_cookie(settings.GUEST_COOKIE_NAME, path="/", samesite="Lax")
    return response


@require_safe
@page
def mailed(request: HttpRequest) -> HttpResponse:
    """Look into your mailbox: what is said after every form that sends a mail, whoever asked."""
    return render(request, "account/mailed.html", {"reset": request.GET.get("what") == "reset"})


@sensitive_post_parameters("password")
@require_http_methods(GET_AND_POST)
@page
def verify(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the first mail. The password is asked too: whoever made the account must be who reads the mail."""
    access.count_link(request, clock.now())
    user = account_links.user_to_verify(token)
    if user is None:
        raise Problem("link_expired", "This link is not valid any more.", status=410, action="Sign in",
                      tip="Sign in to have a new one sent.")
    wrong: dict[str, str] = {}
    if request.method == "POST":
        mine = request.user == user or accounts.sign_in(request, email=user.email,
                                                        password=request.POST.get("password", "")) == user
        if mine:
            accounts.verify(user, clock.now())
            return _enter(request, user, f"{reverse('account')}?done=verified")
        wrong = {"password": "This is not the password the account was made with."}
    return _form(request, "verify", wrong, known=request.user == user, address=user.email)


@require_http_methods(GET_AND_POST)
@page
def forgot(request: HttpRequest) -> HttpResponse:
    """A link to choose a new password; the same reply for every address."""
    wrong: dict[str, str] = {}
    if request.method == "POST":
        email = accounts.check_email(request.POST, wrong)
        if not wrong:
            now = clock.now()
            accounts.count_try(request, "reset", email, now)
            accounts.ask_reset(email=email, now=now)
            return redirect(f"{reverse('account-mailed')}?what=reset")
    return _form(request, "forgot", wrong, email=_typed(request))


@sensitive_post_parameters("password")
@require_http_methods(GET_AND_POST)
@page
def reset(request: HttpRequest, where: str, token: str) -> HttpResponse:
    """Choose a new password by the link of a mail."""
    access.count_link(request, clock.now())
    user = account_links.user_to_reset(where, token)
    if user is None:
        raise Problem("link_expired", "This link is not valid any more.", status=410, action="Ask for a new one",
                      tip="Links work once and for an hour. Ask for a new one on the sign-in page.")
    wrong: dict[str, str] = {}
    if request.method == "POST":
        password = accounts.check_password(request.POST.get("password", ""), user, wrong)
        if not wrong:
            accounts.set_password(user, password, clock.now(), by_mail=True)
            return _enter(request, user, f"{reverse('account')}?done=password")
    return _form(request, "reset", wrong, new=True)


# --- signed in --------------------------------------------------------------------------------------------------


@require_safe
@page
def account(request: HttpRequest) -> HttpResponse:
    """The account: its address, the password, leaving."""
    user = customer_of(request)
    if user is None:
        return _to_door(request)
    return render(request, "account/account.html", {
        "address": user.email, "verified": accounts.verified(user), "said": SAID.get(request.GET.get("done", ""), ""),
        "joinable": len(accounts.to_join(user, access.principal_of(request)))})


@require_POST
@page
def resend(request: HttpRequest) -> HttpResponse:
    """Send the link that confirms the address again."""
    user = customer_of(request)
    if user is None:
        return _to_door(request)
    accounts.send_verification(user, clock.now())
    return redirect(f"{reverse('account')}?done=sent")


@require_POST
@page
def join(request: HttpRequest) -> HttpResponse:
    """Add the guest bookings of this browser, and those with the verified address, to the account."""
    user = customer_of(request)
    if user is None:
        return _to_door(request)
    accounts.join(user, access.principal_of(request), clock.now())
    return redirect(f"{reverse('trips')}?done=joined")


@sensitive_post_parameters("old", "password")
@require_http_methods(GET_AND_POST)
@page
def password(request: HttpRequest) -> HttpResponse:
    """Change the password; every other browser is signed out."""
    user = customer_of(request)
    if user is None:
        return _to_door(request)
    wrong: dict[str, str] = {}
    if request.method == "POST":
        new = accounts.check_password(request.POST.get("password", ""), user, wrong)
        if accounts.sign_in(request, email=user.email, password=request.POST.get("old", "")) is None:
            wrong = {"old": "This is not your present password.", **wrong}
        if not wrong:
            accounts.set_password(user, new, clock.now(), by_mail=False)
            update_session_auth_hash(request, user)
            return redirect(f"{reverse('account')}?done=password")
    return _form(request, "password", wrong, new=True, old=True)


@sensitive_post_parameters("password")
@require_http_methods(GET_AND_POST)
@page
def delete(request: HttpRequest) -> HttpResponse:
    """Close the account; bookings stay, unlinked."""
    user = customer_of(request)
    if user is None:
        return _to_door(request)
    wrong: dict[str, str] = {}
    if request.method == "POST":
        if accounts.sign_in(request, email=user.email, password=request.POST.get("password", "")) is not None:
            accounts.delete(user, clock.now())
            logout(request)
            return redirect(f"{reverse('account-sign-in')}?done=closed")
        wrong = {"password": "This is not your password."}
    return _form(request, "delete", wrong, trips=user.bookings.exclude(status="DRAFT").count())


# --- shared -----------------------------------------------------------------------------------------------------


def customer_of(request: HttpRequest) -> User | None:
    """The signed-in customer; staff have no account here."""
    return cast(User, request.user) if accounts.email_of(request.user) else None


def safe_next(request: HttpRequest) -> str:
    """Where to go after signing in: an address of ours, or the list of bookings."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if ours else reverse("trips")


def _to_door(request: HttpRequest) -> HttpResponse:
    here = request.path if request.method in ("GET", "HEAD") else reverse("account")
    return redirect(f"{reverse('account-sign-in')}?next={here}")


def _enter(request: HttpRequest, user: User, after: str) -> HttpResponse:
    login(request, user, backend=BACKEND)  # makes a new session key
    return HttpResponseRedirect(after)


def _typed(request: HttpRequest) -> str:
    return request.POST.get("email", "").strip()[:254]


def _form(request: HttpRequest, name: str, wrong: dict[str, str], *, email: str = "", new: bool = False,
          old: bool = False, after: str = "", **more: Any) -> HttpResponse:
    """A page of templates/account with its fields; passwords are never sent back."""
    fields = {
        "email": {"id": "email", "label": "E-mail address", "value": email, "type": "email",
                  "autocomplete": "username", "inputmode": "email", "error": wrong.get("email", "")},
        "old": {"id": "old", "label": "Present password", "value": "", "type": "password",
                "autocomplete": "current-password", "error": wrong.get("old", "")},
        "password": {"id": "password", "label": "New password" if old else "Password", "value": "", "type": "password",
                     "autocomplete": "new-password" if new else "current-password",
                     "hint": "At least 12 letters. Some words that belong to nobody else are best." if new else "",
                     "error": wrong.get("password", "")}}
    return render(request, f"account/{name}.html", {
        "fields": fields, "errors": summary(wrong), "next": after, "said": SAID.get(request.GET.get("done", ""), ""),
        **more})
