"""The console as a site: who is let in, and which pages stand beside the tables."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, URLResolver
from django.utils.functional import SimpleLazyObject

ELSEWHERE = frozenset({"auth.user", "auth.group", "otp_totp.totpdevice", "otp_static.staticdevice"})


class ConsoleSite(AdminSite):
    """Staff with a second factor (where ADMIN_NEEDS_OTP says so); the others are led through their next step."""

    site_header = "Fly2Any console"
    site_title = "Fly2Any"
    index_title = "Console"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """List a table, unless it has another way: roles by migrations, people and devices by a manager, in the book.

        The stock form of users would let a superuser take over any account without a line in the book.
        """
        models: list[Any] = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        listed = [model for model in models if model._meta.label_lower not in ELSEWHERE]
        super().register(listed, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this visitor is staff and has shown what the site asks for."""
        from bookings.desk import second_factor

        return super().has_permission(request) and not second_factor.asked_for(request.user)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """What this visitor may list; worked out once a request, and only on a page that draws it."""
        if app_label is not None:
            return super().get_app_list(request, app_label)
        later = SimpleLazyObject(lambda: AdminSite.get_app_list(self, request))
        return vars(request).setdefault("console_apps", later)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The password; whoever has given it goes on to the second factor. Too many failures: a page that says so."""
        from bookings.console import door

        if request.method == "POST":
            locked = door.shut(request, door.one_name(request))
            if locked is not None:
                return locked
        elif super().has_permission(request) and not self.has_permission(request):
            return HttpResponseRedirect(door.next_step(request))
        elif self.has_permission(request) and REDIRECT_FIELD_NAME in request.GET and not request.GET.get("ended"):
            return HttpResponseRedirect(door.back_to(request))
        return super().login(request, {**(extra_context or {}), "ended": door.why_ended(request)})

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Our pages first: the admin's last pattern takes everything."""
        from bookings.console import addresses

        return [*addresses.of(self), *super().get_urls()]
