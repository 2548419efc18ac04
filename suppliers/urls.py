"""Addresses of the suppliers app."""

from django.urls import path

from suppliers import views

urlpatterns = [path("api/suppliers/duffel/webhook", views.duffel_webhook, name="duffel-webhook")]
