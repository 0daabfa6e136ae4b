"""What the overview shows of large answers, the events of a day by their time, the first steps of a person."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def tally_redundancies(apps, schema_editor):
    """Examinations made before: counted from what they found."""
    rows = apps.get_model("cluster", "Redundancy").objects.only("paths", "tally")
    for row in rows.iterator(chunk_size=1):
        points = sorted(
            row.paths["single_points"], key=lambda one: (-len(one["cuts"]), one["kind"], one["component"])
        )
        unknown = [
            one
            for one in row.paths["standings"]
            if one["proof"] == "unknown" or "unknown" in one["layers"].values()
        ]
        first = [[one["kind"], one["component"]] for one in points[:3]]
        row.tally = {"points": len(points), "unknown": len(unknown), "first": first}
        row.save(update_fields=["tally"])


class Migration(migrations.Migration):
    dependencies = [
        ("cluster", "0017_audit_guard"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField("redundancy", "tally", models.JSONField(default=dict)),
        migrations.AddField("coststudy", "tally", models.JSONField(default=dict)),
        migrations.AddIndex("event", models.Index(fields=["at"], name="event_by_age")),
        migrations.CreateModel(
            name="FirstSteps",
            fields=[
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="first_steps",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("verdict_read_at", models.DateTimeField(null=True)),
                ("put_away_at", models.DateTimeField(null=True)),
            ],
            options={"verbose_name": "first steps", "verbose_name_plural": "first steps"},
        ),
        migrations.RunPython(tally_redundancies, migrations.RunPython.noop, elidable=True),
    ]
