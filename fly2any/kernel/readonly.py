"""The console's way to show a table: everybody may look (with the permission), nobody may change anything."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from fly2any.kernel.money import Money, MoneyError

FOUND = 500  # rows that one way of looking a word up contributes to a search
COMPARED = frozenset({"", "exact", "in", "isnull", "lt", "lte", "gt", "gte"})
COUNTED = 1000  # rows that a list counts and pages through; beyond it, search


def amount(minor: int | None, currency: str) -> str:
    """An amount of minor units for a reader: "USD 599.99"; a dash when there is none."""
    if minor is None:
        return "–"
    try:
        return str(Money(minor, currency))
    except MoneyError:
        return f"{minor} {currency}".strip()


class BoundedPaginator(Paginator):
    """Counts at most COUNTED rows, so that a list of millions opens as fast as a short one."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, or COUNTED when there are more."""
        rows = self.object_list
        return rows[:COUNTED].count() if isinstance(rows, QuerySet) else len(rows)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows every field but the `hidden` ones. No add, change, delete or bulk action, not even for superusers."""

    actions = None
    change_list_template = "admin/read_only_list.html"
    change_form_template = "admin/read_only_record.html"
    hidden: tuple[str, ...] = ()
    narrowed_by: tuple[str, ...] = ()  # indexed columns by which links of ours narrow the list
    looked_up_by: dict[str, dict[str, Any]] = {}  # field: what else its index needs to know
    ordering: ClassVar[tuple[Any, ...]] = ("-pk",)
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = COUNTED
    view_on_site = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are made by the site."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Facts change because the outside world answered."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is forgotten by hand."""
        return False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """All columns in their own order, amounts as money, without the hidden ones."""
        names = [f.name for f in self.opts.concrete_fields if f.name not in self.hidden and not f.primary_key
                 or f.primary_key and not f.auto_created]
        return [_as_money(name) if name.endswith("_minor") else name for name in names]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Every field."""
        return self.get_fields(request, obj)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """What an address may narrow a list by: the filters offered and `narrowed_by`, compared whole.

        Anything else would tell a hidden column letter by letter, or read a whole table.
        """
        name, _, how = lookup.partition("__")
        offered = {one if isinstance(one, str) else getattr(one, "parameter_name", "") for one in self.list_filter}
        return name in {*offered, *self.narrowed_by} and how in COMPARED

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """A box appears where something can be looked up."""
        return tuple(self.search_fields) or tuple(self.looked_up_by)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet,
                           search_term: str) -> tuple[QuerySet, bool]:
        """Rows in which one of the fields is exactly this word, each field through its own index."""
        word = search_term.strip()
        if not word:
            return queryset, False
        ids: set[Any] = set()
        for field, known in self.looked_up_by.items():
            rows = self.model._default_manager.filter(**{field: word, **known}).order_by("-pk")
            ids.update(rows.values_list("pk", flat=True)[:FOUND])
        return queryset.filter(pk__in=ids), False

    @admin.display(description="booking")
    def booking_link(self, obj: Any) -> SafeString | str:
        """The booking's reference, leading to its page."""
        booking = getattr(obj, "booking", None)
        return link_to_booking(booking) if booking is not None else "–"


def link_to_booking(booking: Any) -> SafeString:
    """A link to a booking's page in the console."""
    address = reverse("admin:bookings_booking_change", args=[booking.pk])
    return format_html('<a href="{}">{}</a>', address, booking.reference)


def _as_money(name: str) -> Callable[[Any], str]:
    """A column of minor units, shown with the row's currency."""
    def show(obj: Any) -> str:
        return amount(getattr(obj, name), getattr(obj, "currency", ""))

    show.__name__ = name
    vars(show)["short_description"] = name.removesuffix("_minor").replace("_", " ")
    return show
