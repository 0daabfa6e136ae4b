"""The five roles as groups, and the one row that numbers the events."""

from django.db import migrations

ROLES = (
    "virtual-infrastructure administrator",
    "system administrator",
    "buyer",
    "auditor",
    "site administrator",
)


def make_roles_and_counter(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for name in ROLES:
        group.objects.get_or_create(name=name)
    apps.get_model("cluster", "FeedCounter").objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("cluster", "0001_begin"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(make_roles_and_counter, migrations.RunPython.noop)]
