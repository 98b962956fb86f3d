"""A copy that had its time in the bucket, while the backup is still here."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("backups", "0003_offsite_copies")]

    operations = [
        migrations.AlterField(
            model_name="offsitecopy",
            name="state",
            field=models.CharField(
                choices=[
                    ("copying", "Copying"),
                    ("copied", "Copied"),
                    ("verified", "Verified"),
                    ("failed", "Failed"),
                    ("expired", "Expired"),
                ],
                max_length=10,
            ),
        ),
    ]
