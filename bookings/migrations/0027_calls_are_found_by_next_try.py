"""Calls that wait for another try are found by when it is due."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('bookings', '0026_outages'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='externalcall',
            index=models.Index(condition=models.Q(('retry_at__isnull', False)), fields=['retry_at'], name='call_to_try_again'),
        ),
    ]
