"""Who stands at the queue's doors, and what every page of it shows around itself."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from bookings.models import Case


def staff(request: HttpRequest, *permissions: str) -> User:
    """The person asking, who may see cases and has these permissions. PermissionDenied otherwise."""
    user = request.user
    if user.is_anonymous or not (user.has_perm("bookings.view_case") or user.has_perm("bookings.change_case")):
        raise PermissionDenied
    if not all(user.has_perm(one) for one in permissions):
        raise PermissionDenied
    return user


def drawn(request: HttpRequest, template: str, title: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A page of the queue inside the console's frame."""
    around = {**admin.site.each_context(request), "opts": Case._meta, "title": title}
    return TemplateResponse(request, f"admin/bookings/queue/{template}", {**around, **context}, status=status)
