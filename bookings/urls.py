"""Addresses of the bookings app: the API and the customer's pages."""

from importlib.util import find_spec

from django.urls import include, path

urlpatterns = [
    path("api/", include("bookings.api.urls")),
    *([path("", include("bookings.checkout.urls"))] if find_spec("bookings.checkout") else []),
]
