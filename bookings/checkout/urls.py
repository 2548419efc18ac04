"""The addresses of the customer's pages."""

from django.urls import path

from bookings.checkout import customize, info, manage, papers, passengers, progress, review, search

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
    path("trips/<str:reference>/price", progress.price, name="trip-price"),
    path("trips/<str:reference>/cancel", manage.cancel, name="trip-cancel"),
    path("trips/<str:reference>/itinerary.pdf", papers.itinerary, name="trip-itinerary"),
    path("trips/<str:reference>/calendar.ics", papers.calendar, name="trip-calendar"),
    path("trips/<str:reference>/mail-again", papers.send_again, name="trip-mail-again"),
    path("trips/<str:reference>/share", papers.share, name="trip-share"),
    path("trips/<str:reference>/share/revoke", papers.revoke, name="trip-share-revoke"),
    path("shared/<str:token>/", papers.shared, name="shared"),
    path("help", info.help_page, name="help"),
    path("terms", info.terms, name="terms"),
    path("how-we-sort", info.how_we_sort, name="how-we-sort"),
    path("dev/mailbox", info.mailbox, name="dev-mailbox"),
]
