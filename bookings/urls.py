"""The addresses of bookings: the customer's pages and the API."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("", include("bookings.checkout.urls"))]
if find_spec("bookings.api") and find_spec("bookings.api.urls"):
    urlpatterns.append(path("api/", include("bookings.api.urls")))
