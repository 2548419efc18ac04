"""A message about an order that we do not know yet names its offer: find the order by it without reading them all."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One index."""

    dependencies = [("suppliers", "0001_initial")]
    operations = [
        migrations.AddIndex("supplierorder", models.Index(fields=["offer_external_id"], name="order_by_offer")),
    ]
