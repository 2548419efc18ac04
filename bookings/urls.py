"""The addresses of bookings: the API and the customer's pages."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", include("bookings.api.urls")),
    path("", include("bookings.checkout.urls")),
]
