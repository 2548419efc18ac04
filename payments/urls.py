"""Addresses of the payments app."""

from django.urls import path

from payments import views

urlpatterns = [path("api/payments/webhook", views.webhook, name="payments-webhook")]
