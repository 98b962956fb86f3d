"""The pages of backups: services decide, and these show what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _

from accesscontrol.actor import Actor
from accesscontrol.errors import ConfirmationRequired, Refused
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from audit import alerts
from backups import access, deletion, describing, services, starting, watching
from backups.admin import charts, words
from backups.admin.files import Files
from backups.admin.frame import page, started, url
from backups.admin.restores import Restores
from backups.catalogue import Found
from backups.offsite import bucket
from backups.pitr import services as pitr
from catalog import registry
from jobs import services as jobs
from jobs import showing
from jobs.models import State

LISTED: Final = 200
JOBS_SHOWN: Final = 3


class BackupPages(Restores, Files):
    """Listing, making, checking, restoring, fetching, bringing and deleting backups."""

    def urls(self) -> list[URLPattern]:
        """This function will return the addresses, to be put under `backups/`."""
        one = "<str:backup_file>/"
        return [
            self.at("", self.list_page, "list"),
            self.at("create/", self.create, "create"),
            self.at("create-incremental/", self.create_incremental, "create_incremental"),
            self.at("create-table/", self.create_table, "create_table"),
            self.at("upload/", self.upload, "upload"),
            self.at(one, self.one_page, "one"),
            self.at(f"{one}validate/", self.validate, "validate"),
            self.at(f"{one}restore/", self.restore, "restore"),
            self.at(f"{one}restore-table/", self.restore_table, "restore_table"),
            self.at(f"{one}download/", self.download, "download"),
            self.at(f"{one}manifest/", self.download_manifest, "manifest"),
            self.at(f"{one}trust/", self.trust, "trust"),
            self.at(f"{one}delete/", self.delete, "delete"),
        ]

    @page("LIST_BACKUPS", "GET")
    def list_page(self, request: HttpRequest) -> HttpResponse:
        """Show the backups there are, and what can be done."""
        actor = actor_of(request)
        listing = services.list_backups(actor=actor, limit=LISTED)
        context = {
            "title": _("Backups"),
            "alerts": alerts.open_now(),
            "lines": [words.line(found) for found in listing.backups],
            "has_copies": bucket.is_configured(),
            "moments": words.moments(pitr.moments(actor=actor)) if settings.POINT_IN_TIME else None,
            **charts.context(listing.backups, timezone.now()),
            "total": listing.total,
            "hidden": listing.total - len(listing.backups),
            "total_size": filesizeformat(listing.total_bytes),
            "unreadable": listing.unreadable,
            "jobs": _jobs(actor),
            "can_build_on": any(found.type in {"full", "incremental"} for found in listing.backups),
            "may_back_up_all": _may(access.require_all, actor, Operation.BACKUP),
            "tables": words.tables(_tables(actor, Operation.BACKUP)),
            "contents": words.CONTENTS.items(),
            "may_upload": _may(access.require_files, actor),
            "upload_limit": filesizeformat(settings.BACKUP_MAX_UPLOAD_MB << 20),
        }
        return self.shown(request, "list", context)

    @page("BACKUP_FULL", "POST")
    def create(self, request: HttpRequest) -> HttpResponse:
        """Have a full backup made."""
        return started(starting.back_up_all(actor=actor_of(request)))

    @page("BACKUP_INCREMENTAL", "POST")
    def create_incremental(self, request: HttpRequest) -> HttpResponse:
        """Have what changed since the last backup backed up."""
        return started(starting.back_up_changes(actor=actor_of(request)))

    @page("BACKUP_TABLE", "POST")
    def create_table(self, request: HttpRequest) -> HttpResponse:
        """Have one table backed up."""
        table, content = request.POST.get("table", ""), request.POST.get("content", "")
        return started(starting.back_up_table(actor=actor_of(request), table=table, content=content))

    @page("LIST_BACKUPS", "GET")
    def one_page(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Show one backup, and what can be done with it."""
        actor = actor_of(request)
        described = describing.describe_backup(actor=actor, backup_file=backup_file)
        held = described.claims.tables or registry.names()
        context = {
            "title": described.found.file,
            "line": words.line(described.found),
            "chain": _chain(actor, described.found),
            "has_copies": bucket.is_configured(),
            "backup": described,
            "look": described.looks[0] if described.looks else None,
            "trusted_when": words.moment(described.trust.trusted_at) if described.trust else "",
            "held": [
                (name, words.count(state.rows)) for name, state in sorted(described.claims.tables.items())
            ],
            "jobs": [job for job in _jobs(actor, described.found.file) if not job["progress"].is_finished],
            "may_have_files": _may(access.require_files, actor),
            "may_restore_all": described.found.type != "table"
            and _may(access.require_all, actor, Operation.RESTORE),
            "tables": words.tables([name for name in _tables(actor, Operation.RESTORE) if name in held]),
            "conflicts": words.ON_CONFLICT.items(),
        }
        return self.shown(request, "one", context)

    @page("VALIDATE_BACKUP", "POST")
    def validate(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Have a backup checked."""
        deep = request.POST.get("deep") == "yes"
        job = starting.validate(actor=actor_of(request), backup_file=backup_file, deep=deep)
        return started(job)

    @page("DELETE_BACKUP", "GET", "POST")
    def delete(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Show what would be lost, and delete it where somebody agreed to that."""
        token = request.POST.get("plan_token")
        try:
            gone = deletion.delete_backup(
                actor=actor_of(request), backup_file=backup_file, chain=True, plan_token=token, asks=True
            )
        except ConfirmationRequired as asked:
            plan = asked.details["plan"]
            context = {
                "title": _("Delete this backup?"),
                "plan": plan,
                "size": filesizeformat(plan["size_bytes"] or 0),
                "plan_token": asked.details["plan_token"],
                "reason": asked.message if token else "",
            }
            return self.shown(request, "delete", context)
        watching.watch(timezone.now())
        told = {"file": gone.file, "size": filesizeformat(gone.freed_bytes)}
        messages.success(request, _("Deleted %(file)s: %(size)s are free again.") % told)
        return HttpResponseRedirect(url("list"))


def _jobs(actor: Actor, backup_file: str | None = None) -> list[dict[str, Any]]:
    """What is being done about backups, and what was done last; or about one."""
    found = jobs.seen_by(actor).filter(kind__in=starting.KINDS)
    if backup_file is not None:
        found = found.filter(arguments__backup_file=backup_file)
    going = list(found.filter(state__in=[State.QUEUED, State.RUNNING])[:LISTED])
    ended = list(found.exclude(state__in=[State.QUEUED, State.RUNNING])[:JOBS_SHOWN])
    return [
        {
            "id": job.pk,
            "title": showing.title(job),
            "subject": showing.subject(job),
            "who": job.username,
            "when": words.moment(job.finished_at or job.created_at),
            "progress": showing.progress(job),
        }
        for job in [*going, *ended]
    ]


def _chain(actor: Actor, found: Found) -> list[dict[str, Any]]:
    """What must be there to restore a backup, and what builds on it, from the first to the last."""
    whole = [found.file, *found.chain]
    listed = services.list_backups(actor=actor, limit=services.MAX_LISTED).backups
    chain = [one for one in listed if one.file in whole or found.file in one.chain]
    return [
        {"line": words.line(one), "is_it": one.file == found.file, "is_later": found.file in one.chain}
        for one in sorted(chain, key=lambda one: (len(one.chain), one.created_at))
        if len(chain) > 1
    ]


def _tables(actor: Actor, operation: Operation) -> list[str]:
    """The tables with which the actor may do that."""
    tables = registry.all_tables()
    return [table.name for table in tables if _may(access.require_table, actor, operation, table)]


def _may(require: Callable[..., None], *arguments: object) -> bool:
    """Whether a rule lets the actor."""
    try:
        require(*arguments)
    except Refused:
        return False
    return True
