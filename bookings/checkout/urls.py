"""The addresses of the customer's pages."""

from django.urls import path

from bookings.checkout import account, changes, customize, info, manage, papers, passengers, progress, review, search

urlpatterns = [
    path("", search.home, name="home"),
    path("flights", search.flights, name="flights"),
    path("checkout/start", customize.start, name="checkout-start"),
    path("checkout/<uuid:draft_id>/extras", customize.extras, name="checkout-extras"),
    path("checkout/<uuid:draft_id>/passengers", passengers.travellers, name="checkout-passengers"),
    path("checkout/<uuid:draft_id>/review", review.review, name="checkout-review"),
    path("trips", manage.trips, name="trips"),
    path("trips/find", manage.find, name="trip-find"),
    path("trips/link", manage.mail_link, name="trip-mail-link"),
    path("manage/link/<str:token>/", manage.follow_link, name="trip-link"),  # mails hold it
    path("trips/<str:reference>", manage.trip, name="trip"),
    path("trips/<str:reference>/progress", progress.progress, name="checkout-progress"),
    path("trips/<str:reference>/pay", progress.pay, name="trip-pay"),
    path("trips/<str:reference>/look", progress.look, name="trip-look"),
    path("trips/<str:reference>/back", progress.back, name="trip-back"),
    path("trips/<str:reference>/let-go", progress.let_go, name="trip-let-go"),
    path("trips/<str:reference>/price", progress.price, name="trip-price"),
    path("trips/<str:reference>/cancel", manage.cancel, name="trip-cancel"),
    path("trips/<str:reference>/contact", changes.contact, name="trip-contact"),
    path("trips/<str:reference>/request", changes.request_change, name="trip-request"),
    path("account", account.account, name="account"),
    path("account/sign-in", account.sign_in, name="account-sign-in"),
    path("account/sign-up", account.sign_up, name="account-sign-up"),
    path("account/sign-out", account.sign_out, name="account-sign-out"),
    path("account/mailed", account.mailed, name="account-mailed"),
    path("account/forgot", account.forgot, name="account-forgot"),
    path("account/verify/<str:token>/", account.verify, name="account-verify"),  # mails hold it
    path("account/reset/<str:where>/<str:token>/", account.reset, name="account-reset"),  # mails hold it
    path("account/resend", account.resend, name="account-resend"),
    path("account/join", account.join, name="account-join"),
    path("account/password", account.password, name="account-password"),
    path("account/delete", account.delete, name="account-delete"),
    path("trips/<str:reference>/itinerary.pdf", papers.itinerary, name="trip-itinerary"),
    path("trips/<str:reference>/calendar.ics", papers.calendar, name="trip-calendar"),
    path("help", info.help_page, name="help"),
    path("terms", info.terms, name="terms"),
    path("how-we-sort", info.how_we_sort, name="how-we-sort"),
    path("dev/mailbox", info.mailbox, name="dev-mailbox"),
]
