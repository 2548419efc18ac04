"""How each vendor answers at present."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0025_home'),
    ]

    operations = [
        migrations.CreateModel(
            name='Outage',
            fields=[
                ('vendor', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('deed_failures', models.PositiveIntegerField(default=0)),
                ('over_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
    ]
