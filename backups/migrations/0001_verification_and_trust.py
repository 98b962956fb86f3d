"""What is known of backup files beside what they say themselves."""

from __future__ import annotations

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Trust",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("file", models.CharField(max_length=200)),
                ("trusted_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("username", models.CharField(max_length=150)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                ("file", models.CharField(max_length=200)),
                (
                    "verified_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True),
                ),
                ("deep", models.BooleanField()),
                ("valid", models.BooleanField()),
                ("checks", models.JSONField(default=list)),
                ("username", models.CharField(blank=True, max_length=150)),
            ],
            options={
                "default_permissions": (),
            },
        ),
    ]
