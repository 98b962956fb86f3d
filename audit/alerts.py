"""Alerts: what somebody should look into, for as long as it lasts."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from audit.models import Alert


@transaction.atomic
def open_one(kind: str, message: str) -> Alert:
    """This function will open the alert of a kind, or, where it is open, say in it what is the matter now."""
    alert, is_new = Alert.objects.select_for_update().get_or_create(
        kind=kind, closed_at=None, defaults={"message": message}
    )
    if not is_new and alert.message != message:
        alert.message = message
        alert.save(update_fields=["message"])
    return alert


def close(kind: str) -> bool:
    """This function will close the alert of a kind, and say whether it was open."""
    return bool(Alert.objects.filter(kind=kind, closed_at=None).update(closed_at=Now()))


def tell(kind: str, message: str | None) -> None:
    """This function will open the alert of a kind with a message, or close it where there is none."""
    if message is None:
        close(kind)
    else:
        open_one(kind, message)


def open_now() -> list[Alert]:
    """This function will return the alerts that are open, the newest first."""
    return list(Alert.objects.filter(closed_at=None))
