"""Whether a backup can be restored, and restoring it: by a job (202)."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from accesscontrol import policy
from accesscontrol.api.described import describes
from accesscontrol.api.preferences import Preferences
from accesscontrol.arguments import Arguments
from accesscontrol.errors import ConfirmationRequired, Conflict, InvalidInput, NotFound
from accesscontrol.policy import Operation, Planned
from audit.api.terms import once_of, plan_token_of
from backups import restoring, starting
from backups.api.view import BackupsView
from backups.errors import BackupInvalid
from jobs.api.shown import STARTED, JobShown, started


class Look(Arguments):
    """How closely a backup is looked at."""

    deep: bool = Field(
        False,
        description="true: restore it into a database of its own, and compare every count and checksum.",
    )


class ValidateView(BackupsView):
    """A look at a backup."""

    operations = {"POST": "VALIDATE_BACKUP"}

    @describes(
        headers=("Idempotency-Key",),
        body=Look,
        answers={202: JobShown},
        sends={202: STARTED},
        refuses=(NotFound, Conflict),
    )
    def post(self, request: Request, name: str) -> HttpResponse:
        """Check a backup: its signature, checksum, format and structure; with `deep` by restoring it aside."""
        asked = Look.read(request.data)
        once = once_of(request, self.actor, request.data)
        job = starting.validate(actor=self.actor, backup_file=name, deep=asked.deep, once=once)
        return started(request, self.actor, job)


class Restore(Arguments):
    """What of a backup is restored, and what becomes of what is there."""

    table: str | None = Field(
        None, max_length=63, description="One table alone, merged. Default: all of them."
    )
    drop_existing: bool = Field(
        False,
        description="true: every table becomes what the backup holds, and what was done since is gone."
        " false: the backup's records are merged into those that are there.",
    )
    on_conflict: Literal["error", "skip", "overwrite"] = Field(
        "error",
        description="What becomes of a record that is there with other values: stop, keep it, or overwrite it.",
    )


class RestoreView(BackupsView):
    """A restore."""

    operations = {"POST": "RESTORE_FULL"}
    rights = {"POST": Operation.RESTORE}

    @describes(
        body=Restore,
        headers=("Prefer", "Plan-Token", "Idempotency-Key"),
        answers={202: JobShown},
        sends={202: (*STARTED, "Preference-Applied?")},
        refuses=(NotFound, BackupInvalid, ConfirmationRequired),
    )
    def post(self, request: Request, name: str) -> HttpResponse:
        """Restore a backup: first you get a plan (409), and with its token as Plan-Token a job restores it.

        With Prefer: dry-run a job says what it would do, and does nothing.
        """
        asked = Restore.read(request.data)
        if asked.table is not None:
            self.about(operation="RESTORE_TABLE", table=asked.table)
        preferences, token = Preferences.of(request), plan_token_of(request)
        if preferences.dry_run:
            return preferences.tell(self._started(request, name, asked, dry_run=True))
        if token is None and not policy.is_free_of_plans(self.actor, Planned(self.operation)):
            self._ask(name, asked)
        return self._started(request, name, asked, plan_token=token)

    def _started(self, request: Request, name: str, asked: Restore, **agreed: Any) -> HttpResponse:
        start: Any = starting.restore_all if asked.table is None else starting.restore_table
        once = once_of(request, self.actor, request.data)
        job = start(actor=self.actor, backup_file=name, once=once, **_terms(asked), **agreed)
        return started(request, self.actor, job)

    def _ask(self, name: str, asked: Restore) -> None:
        """Answer with the plan.

        :raises ConfirmationRequired: with the plan
        """
        restore: Any = restoring.restore_full if asked.table is None else restoring.restore_table
        restore(actor=self.actor, backup_file=name, asks=True, **_terms(asked))


def _terms(asked: Restore) -> dict[str, Any]:
    if asked.table is None:
        return {"drop_existing": asked.drop_existing, "on_conflict": asked.on_conflict}
    if asked.drop_existing:
        raise InvalidInput("One table is merged: leave drop_existing out.", argument="drop_existing")
    return {"table": asked.table, "on_conflict": asked.on_conflict}
