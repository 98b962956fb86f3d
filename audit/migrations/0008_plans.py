from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0007_epochs")]

    operations = [
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("user_id", models.BigIntegerField(null=True)),
                ("operation", models.TextField()),
                ("asked", models.TextField()),
                ("state", models.TextField()),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
            options={"default_permissions": ()},
        ),
    ]
