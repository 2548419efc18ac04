"""The addresses of the console's own pages."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from bookings.console import dashboard, factor, people, runbook_page


def of(site: AdminSite) -> list[URLPattern]:
    """Names live in the namespace `admin`; who is only half signed in may reach the second factor and nothing else."""
    return [
        path("second-factor/", factor.verify, name="second_factor"),
        path("second-factor/set-up/", factor.set_up, name="second_factor_set_up"),
        path("second-factor/mine/", site.admin_view(factor.mine), name="second_factor_mine"),
        path("dashboard/", site.admin_view(dashboard.dashboard), name="dashboard"),
        path("dashboard/<slug:name>/", site.admin_view(dashboard.figure), name="dashboard_figure"),
        path("dashboard/<slug:name>/rows/<slug:which>/", site.admin_view(dashboard.listed), name="dashboard_rows"),
        path("people/", site.admin_view(people.page), name="people"),
        path("people/<int:pk>/<slug:verb>/", site.admin_view(people.verb), name="person_verb"),
        path("people/address/<slug:mark>/", site.admin_view(people.address), name="person_address"),
        path("runbook/", site.admin_view(runbook_page.contents), name="runbook_contents"),
        path("runbook/<slug:kind>/", site.admin_view(runbook_page.page), name="runbook"),
    ]
