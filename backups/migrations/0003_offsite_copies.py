"""Which backups have a copy in the bucket."""

from __future__ import annotations

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("backups", "0002_change_log")]

    operations = [
        migrations.CreateModel(
            name="OffsiteCopy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("file", models.CharField(max_length=200, unique=True)),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                ("type", models.CharField(max_length=20)),
                ("table", models.CharField(max_length=63, null=True)),
                ("base", models.CharField(max_length=200, null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("copying", "Copying"),
                            ("copied", "Copied"),
                            ("verified", "Verified"),
                            ("failed", "Failed"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("sent", models.JSONField(default=dict)),
                ("changed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("verified_at", models.DateTimeField(null=True)),
            ],
            options={"default_permissions": ()},
        ),
    ]
