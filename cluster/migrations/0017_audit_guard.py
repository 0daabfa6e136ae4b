"""Two ways around the guard of the audit are shut: SQLite's INSERT OR REPLACE, and PostgreSQL's TRUNCATE."""

from django.db import migrations

REFUSAL = "the audit is append-only"
SQLITE = (
    "CREATE TRIGGER audit_no_replace BEFORE INSERT ON cluster_auditentry"
    " WHEN EXISTS (SELECT 1 FROM cluster_auditentry WHERE seq >= NEW.seq)"
    f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
)
POSTGRESQL = (
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON cluster_auditentry"
    " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
)


def guard(apps, schema_editor):
    schema_editor.execute(SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL)


class Migration(migrations.Migration):
    dependencies = [("cluster", "0016_site_administrators_keep_their_work")]
    operations = [migrations.RunPython(guard, migrations.RunPython.noop)]
