"""What waits for a second person, and the book of what staff did: lists to look at, and one page to agree or refuse."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from bookings import desk
from bookings.admin import actions, press
from bookings.admin.buttons import COUNTED, NOT_YOURS
from bookings.admin.values import differences, moved, plainly, standing
from bookings.cases import title_of
from bookings.desk.doing import picture
from bookings.models import Proposal, StaffAction
from fly2any.kernel.errors import Problem
from fly2any.kernel.readonly import ReadOnlyAdmin, amount, link_to_booking

GUARDS = ("seen", "quote", "moved_currency")  # what is told by the change itself, or with the amount
OWN = "You proposed this yourself: somebody else must agree. You may withdraw it."


def deed(verb: str) -> str:
    """What an audit line calls what was done."""
    own = {"agree": "Agreed to a proposal", "refuse": "Refused a proposal"}
    name = verb.removeprefix("propose_")
    known = next((one for one in desk.ACTIONS.values() if one.name == name or
                  (name != verb and one.name.startswith(name))), None)
    words = own.get(verb) or (known.label if known else name.replace("_", " ").capitalize())
    return f"Proposed: {words}" if name != verb else words


def about(row: StaffAction | Proposal) -> SafeString | str:
    """A link to what it was about: the booking, else the case, else the object's own name."""
    if row.booking is not None:
        return link_to_booking(row.booking)
    if row.case is not None:
        return format_html('<a href="{}">{}</a>', reverse("admin:bookings_case_change", args=[row.case.pk]),
                           row.case.subject)
    return getattr(row, "subject", "") or "the house"


# --- the book ---------------------------------------------------------------------------------------------------


@admin.register(StaffAction)
class StaffActionAdmin(ReadOnlyAdmin):
    """Everything that staff did, newest first: who, what, about what, why."""

    change_form_template = "admin/bookings/staffaction/page.html"
    list_display = ("when", "who", "what", "about", "reason", "said")
    list_select_related = ("booking", "case", "operator", "second")
    ordering = ("-at", "-pk")
    looked_up_by = {"booking__reference": {}, "operator__username": {}, "second__username": {}}
    search_help_text = "Our reference in full, or an operator's name"

    @admin.display(description="at (UTC)", ordering="at")
    def when(self, row: StaffAction) -> str:
        """To the second."""
        return f"{row.at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="operator")
    def who(self, row: StaffAction) -> str:
        """Who pressed, and who had proposed it."""
        return f"{row.operator.get_username()} (proposed by {row.second.get_username()})" if row.second else (
            row.operator.get_username())

    @admin.display(description="did")
    def what(self, row: StaffAction) -> str:
        """The action in its own words."""
        return deed(row.verb)

    @admin.display(description="about")
    def about(self, row: StaffAction) -> SafeString | str:
        """Which booking or case."""
        return about(row)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The book under its own name."""
        return super().changelist_view(request, {**(extra_context or {}), "title": "What staff did"})

    def get_urls(self) -> list[URLPattern]:
        """The pages of actions on the whole house stand beside the book of actions."""
        return [*actions.system_urls(self.admin_site), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "",
                    extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One action in words, with what it changed."""
        row = self.get_object(request, object_id)
        page = _told(row) if row is not None and self.has_view_permission(request, row) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **page})


def _told(row: StaffAction) -> dict[str, Any]:
    currency = row.booking.currency if row.booking else row.case.currency if row.case else ""
    owners = {one["owner"] for one in (row.before, row.after) if one.get("owner") is not None}
    names = dict(User.objects.filter(pk__in=owners).values_list("pk", "username")) if owners else {}
    return {"row": row, "title": deed(row.verb), "subtitle": None, "about": about(row),
            "changed": differences(row.before, row.after, currency, names),
            "typed": [(name.removesuffix("_minor").replace("_", " ").capitalize(),
                       amount(value, currency) if name.endswith("_minor") else plainly(value))
                      for name, value in row.params.items() if value not in ("", 0, None, []) and name not in GUARDS],
            "case_title": title_of(row.case.kind) if row.case else ""}


# --- proposals --------------------------------------------------------------------------------------------------


class WaitingFilter(admin.SimpleListFilter):
    """What waits, unless one asks for what was decided."""

    title = "proposals"
    parameter_name = "decided"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The other choice."""
        return [("yes", "Decided")]

    def choices(self, changelist: Any) -> Any:
        """Waiting, with how many; decided."""
        found = Proposal.objects.filter(decided_at=None)[:COUNTED + 1].count()
        count = f"{COUNTED}+" if found > COUNTED else str(found)
        for name, value in ((f"Waiting ({count})", None), ("Decided", "yes")):
            query = changelist.get_query_string({self.parameter_name: value} if value else {}, [self.parameter_name])
            yield {"selected": self.value() == value, "query_string": query, "display": name}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Proposal]) -> QuerySet[Proposal]:
        """Waiting ones, unless decided ones are wanted."""
        return queryset.filter(decided_at__isnull=self.value() != "yes")


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin):
    """What waits for a second person, and what became of the others."""

    change_form_template = "admin/bookings/proposal/record.html"
    list_display = ("what", "how_much", "about", "reason", "proposed_by", "when", "outcome")
    list_filter = (WaitingFilter,)
    list_select_related = ("booking", "case", "proposed_by", "decided_by")
    looked_up_by = {"booking__reference": {}, "proposed_by__username": {}}
    search_help_text = "Our reference in full, or an operator's name"

    @admin.display(description="proposed")
    def what(self, row: Proposal) -> str:
        """The action in its own words."""
        return deed(row.verb)

    @admin.display(description="amount")
    def how_much(self, row: Proposal) -> str:
        """What would move."""
        return amount(row.amount_minor, row.currency)

    @admin.display(description="about")
    def about(self, row: Proposal) -> SafeString | str:
        """Which booking or case."""
        return about(row)

    @admin.display(description="proposed at (UTC)", ordering="proposed_at")
    def when(self, row: Proposal) -> str:
        """To the minute."""
        return f"{row.proposed_at:%Y-%m-%d %H:%M}"

    @admin.display(description="outcome")
    def outcome(self, row: Proposal) -> SafeString | str:
        """Who decided what, or the way to decide."""
        if row.decided_at is None:
            return format_html('<a href="{}">Decide…</a>', reverse("admin:bookings_proposal_decide", args=[row.pk]))
        return f"{row.decision} by {row.decided_by}, {row.decided_at:%Y-%m-%d %H:%M} UTC"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list under its own name."""
        decided = request.GET.get(WaitingFilter.parameter_name) == "yes"
        title = "Proposals that were decided" if decided else "Proposals that wait for a second person"
        return super().changelist_view(request, {**(extra_context or {}), "title": title})

    def get_urls(self) -> list[URLPattern]:
        """The page to agree or refuse, before the admin's own."""
        decide_view = self.admin_site.admin_view(decide)
        return [path("<int:pk>/decide/", decide_view, name="bookings_proposal_decide"), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "",
                    extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One proposal in words."""
        row = self.get_object(request, object_id)
        page: dict[str, Any] = {}
        if row is not None and self.has_view_permission(request, row):
            page = {"row": row, "title": f"Proposed: {deed(row.verb)}", "subtitle": None, "about": about(row),
                    "how_much": amount(row.amount_minor, row.currency)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **page})


def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows what was proposed and what would happen now; POST agrees or refuses, once. 404 for none."""
    row = Proposal.objects.select_related("booking", "case__booking", "proposed_by", "decided_by").filter(pk=pk).first()
    if row is None or row.verb not in desk.ACTIONS or not isinstance(request.user, User):
        raise Http404
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    page = DecisionPage(request, request.user, row)
    if not request.user.has_perm("bookings.do_second") or not request.user.has_perm("bookings.view_proposal"):
        return page.draw(problem=NOT_YOURS, refused=True, status=403)
    return page.press() if request.method == "POST" else page.draw()


class DecisionPage:
    """One proposal before its second person."""

    def __init__(self, request: HttpRequest, operator: User, row: Proposal) -> None:
        self.request, self.operator, self.row = request, operator, row
        self.action = desk.ACTIONS[row.verb]
        self.situation = desk.situation_of(case=row.case, booking=row.booking)
        self.code = f"proposal:{row.pk}"

    def back(self) -> str:
        """Where the decision leads: the case, the booking, or the list."""
        if self.row.case_id:
            return reverse("admin:bookings_case_change", args=[self.row.case_id])
        if self.row.booking_id:
            return reverse("admin:bookings_booking_change", args=[self.row.booking_id])
        return reverse("admin:bookings_proposal_changelist")

    def before(self) -> dict[str, Any]:
        """What the page that was pressed had shown."""
        return press.was_shown(self.request.POST.get("shown", ""))[0]

    def press(self) -> HttpResponse:
        """Agree or refuse, once."""
        posted = self.request.POST
        key, decision = posted.get("key", ""), posted.get("decision")
        reason = actions.ReasonForm(posted, label_suffix="")
        if not press.is_ours(key, self.operator.pk, "decide", self.code) or decision not in ("agree", "refuse"):
            return self.draw(problem=actions.STALE_KEY, status=422)
        if not reason.is_valid():
            return self.draw(reason=reason, status=422)
        twin = StaffAction.objects.filter(key=key).exists()
        if decision == "agree" and not twin and moved(self.situation, self.before()):
            return self.draw(problem=actions.MOVED, status=409)
        by = actions.by_of(self.request, self.operator, reason.cleaned_data["reason"], key)
        try:
            done = desk.decide_proposal(self.row.pk, agreed=decision == "agree", by=by, actions=desk.ACTIONS)
        except Problem as problem:
            return self.draw(problem=problem.message, status=problem.status)
        messages.success(self.request, f"Done already: {done.said}" if done.again else done.said)
        return HttpResponseRedirect(self.back())

    def draw(self, *, reason: forms.Form | None = None, problem: str = "", refused: bool = False,
             status: int = 200) -> HttpResponse:
        """The page, with how things stand at this moment."""
        row = Proposal.objects.select_related("decided_by").get(pk=self.row.pk)
        context = {
            **admin.site.each_context(self.request), "title": f"Proposed: {self.action.label}", "row": self.row,
            "action": self.action, "problem": problem, "refused": refused, "back": self.back(), "decided": row,
            "warning": actions.warning_of(self.action)}
        if not refused:
            self.situation = desk.situation_of(case=self.row.case, booking=self.row.booking)
            context |= self.opened(reason or actions.kept_reason(self.request))
        return TemplateResponse(self.request, "admin/bookings/proposal/decide.html", context, status=status)

    def opened(self, reason: forms.Form) -> dict[str, Any]:
        """What the second person sees before they decide."""
        own = self.row.proposed_by_id == self.operator.pk
        return {
            "plan": self.action.plan(self.situation, self.row.params), "own": own, "reason": reason,
            "why_not": OWN if own else self.action.unavailable(self.situation), "about": about(self.row),
            "how_much": amount(self.row.amount_minor, self.row.currency), "errors": actions.errors_of([reason]),
            "key": press.new_key(self.operator.pk, "decide", self.code),
            "shown": press.shown(picture(self.situation), self.row.params), **standing(self.situation, self.before())}
