"""The addresses of pages and API."""

from django.urls import include, path

urlpatterns = [path("", include("bookings.checkout.urls"))]
