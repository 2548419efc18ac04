"""The addresses of the console's own pages."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from bookings.console import factor, people


def of(site: AdminSite) -> list[URLPattern]:
    """Names live in the namespace `admin`; who is only half signed in may reach the second factor and nothing else."""
    return [
        path("second-factor/", factor.verify, name="second_factor"),
        path("second-factor/set-up/", factor.set_up, name="second_factor_set_up"),
        path("second-factor/mine/", site.admin_view(factor.mine), name="second_factor_mine"),
        path("people/", site.admin_view(people.page), name="people"),
        path("people/<int:pk>/<slug:verb>/", site.admin_view(people.verb), name="person_verb"),
    ]
