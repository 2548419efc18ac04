"""A pause of sales is lifted once and stays as it was written: never changed otherwise, never deleted (I8)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION suppliers_salespause_is_only_lifted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.lifted_at IS NULL AND NEW.lifted_at IS NOT NULL
       AND (NEW.id, NEW.supplier, NEW.cause, NEW.reason, NEW.since, NEW.by_id)
           IS NOT DISTINCT FROM (OLD.id, OLD.supplier, OLD.cause, OLD.reason, OLD.since, OLD.by_id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a pause of sales is only lifted, once';
END $$;
CREATE TRIGGER suppliers_salespause_is_only_lifted BEFORE UPDATE OR DELETE ON suppliers_salespause
    FOR EACH ROW EXECUTE FUNCTION suppliers_salespause_is_only_lifted();
"""
BACKWARD = """
DROP TRIGGER suppliers_salespause_is_only_lifted ON suppliers_salespause;
DROP FUNCTION suppliers_salespause_is_only_lifted();
"""


class Migration(migrations.Migration):
    """A trigger on the pauses."""

    dependencies = [("suppliers", "0006_sales_pause")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
