"""Refusals that are counted are told apart by user too, where the users are known."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0012_saved_views_and_sessions")]

    operations = [
        migrations.RemoveConstraint(model_name="repeatedrefusal", name="one_count_per_minute"),
        migrations.AddField(model_name="repeatedrefusal", name="user_id", field=models.TextField(default="")),
        migrations.AddConstraint(
            model_name="repeatedrefusal",
            constraint=models.UniqueConstraint(
                fields=("operation", "error_code", "address", "user_id", "minute"),
                name="one_count_per_minute",
            ),
        ),
    ]
