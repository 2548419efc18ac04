"""Indexes for look-ups by contact address (any case), documents to erase, mail addresses to forget, bundles to collect."""

from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    """Three small indexes; two of them hold only the rows that a chore still has to visit."""

    dependencies = [("bookings", "0010_extras_are_remembered")]

    operations = [
        migrations.AddIndex("booking", models.Index(Upper("contact_email"), name="booking_by_email_any_case")),
        migrations.RemoveIndex("booking", "booking_by_email"),
        migrations.AddIndex("passenger", models.Index(fields=["id"], name="passenger_with_documents",
                                                      condition=~(Q(document="") & Q(numbers="")))),
        migrations.AddIndex("outbox", models.Index(fields=["created_at"], name="outbox_with_address",
                                                   condition=~Q(to=""))),
    ]
