"""Addresses of the API."""

from django.urls import path, re_path

from bookings.api import bookings, checkout, errors, papers, payments, search, status

urlpatterns = [
    path("places", search.Places.as_view(), name="api-places"),
    path("flights/search", search.FlightSearch.as_view(), name="api-search"),
    path("flights/search/<uuid:search_id>", search.FlightResults.as_view(), name="api-results"),
    path("flights/offers/<uuid:offer_id>", search.OfferDetail.as_view(), name="api-offer"),
    path("flights/offers/<uuid:offer_id>/seat-maps", search.SeatMaps.as_view(), name="api-seat-maps"),
    path("checkout", checkout.Checkout.as_view(), name="api-checkout"),
    path("checkout/<uuid:draft_id>/customize", checkout.Customize.as_view(), name="api-customize"),
    path("checkout/<uuid:draft_id>/passengers", checkout.Passengers.as_view(), name="api-passengers"),
    path("checkout/<uuid:draft_id>/book", checkout.Book.as_view(), name="api-book"),
    path("bookings", bookings.Bookings.as_view(), name="api-bookings"),
    path("bookings/<str:reference>", bookings.BookingDetail.as_view(), name="api-booking"),
    path("bookings/<str:reference>/itinerary.pdf", papers.Itinerary.as_view(), name="api-itinerary"),
    path("bookings/<str:reference>/calendar.ics", papers.CalendarFile.as_view(), name="api-calendar"),
    path("bookings/<str:reference>/cancellation", bookings.Cancellation.as_view(), name="api-cancellation"),
    path("bookings/<str:reference>/cancellation/confirm", bookings.CancellationConfirm.as_view(),
         name="api-cancellation-confirm"),
    path("payments/create-intent", payments.CreateIntent.as_view(), name="api-create-intent"),
    path("payments/confirm", payments.Confirm.as_view(), name="api-confirm"),
    path("payments/status/<str:reference>", status.payment_status, name="api-payment-status"),
    # other names of the same handlers
    path("flights/booking/create", bookings.BookingCreate.as_view(), name="api-booking-create"),
    path("flights/create-order", bookings.CreateOrder.as_view(), name="api-create-order"),
    path("flights/my-orders", bookings.MyOrders.as_view(), name="api-my-orders"),
    re_path(r"^[\s\S]*$", errors.nothing_here),
]
