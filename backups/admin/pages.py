"""The pages of backups: services decide, and these show what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import wraps
from typing import Any, Final, Protocol, TypeAlias

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from accesscontrol.actor import Actor
from accesscontrol.errors import ConfirmationRequired, InvalidInput, LimitExceeded, Refused
from accesscontrol.pages import sentence
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from audit import alerts, history
from backups import access, describing, restoring, services, starting, uploads, watching
from backups.admin import charts, words
from backups.manifest import MAX_BYTES
from catalog import registry
from jobs import services as jobs
from jobs import showing
from jobs.models import Job, State

LISTED: Final = 200
JOBS_SHOWN: Final = 3
FORM_BYTES: Final = 1 << 20  # what an upload has beside its file
PAGE_STATUSES: Final = frozenset({401, 403, 404})  # nothing to go back to

View: TypeAlias = Callable[..., HttpResponseBase]


class Site(Protocol):
    """What these pages need of the admin site."""

    def record_refusal(
        self, request: HttpRequest, refusal: Refused, *, operation: str, table: str | None
    ) -> None: ...
    def refused_page(self, request: HttpRequest, refusal: Refused) -> HttpResponse: ...
    def each_context(self, request: HttpRequest) -> dict[str, Any]: ...


def page(operation: str, *methods: str) -> Callable[[View], View]:
    """This function will make a method a page, for who manages backups; its refusals are told, as of `operation`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(
            self: BackupPages, request: HttpRequest, *arguments: Any, **keywords: Any
        ) -> HttpResponseBase:
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            try:
                access.require_management(actor_of(request))
                return view(self, request, *arguments, **keywords)
            except Refused as refusal:
                return self.refused(request, refusal, operation, **keywords)

        return guarded

    return decorate


class BackupPages:
    """Listing, making, checking, restoring, fetching, bringing and deleting backups."""

    def __init__(self, site: AdminSite) -> None:
        self._site: Any = site

    def urls(self) -> list[URLPattern]:
        """This function will return the addresses, to be put under `backups/`."""
        one = "<str:backup_file>/"
        return [
            self._at("", self.list_page, "list"),
            self._at("create/", self.create, "create"),
            self._at("create-table/", self.create_table, "create_table"),
            self._at("upload/", self.upload, "upload"),
            self._at(one, self.one_page, "one"),
            self._at(f"{one}validate/", self.validate, "validate"),
            self._at(f"{one}restore/", self.restore, "restore"),
            self._at(f"{one}restore-table/", self.restore_table, "restore_table"),
            self._at(f"{one}download/", self.download, "download"),
            self._at(f"{one}manifest/", self.download_manifest, "manifest"),
            self._at(f"{one}trust/", self.trust, "trust"),
            self._at(f"{one}delete/", self.delete, "delete"),
        ]

    def _at(self, route: str, view: View, name: str) -> URLPattern:
        found: URLPattern = path(route, self._site.admin_view(view), name=f"backups_{name}")
        return found

    def refused(
        self, request: HttpRequest, refusal: Refused, operation: str, backup_file: str | None = None
    ) -> HttpResponse:
        """This function will tell of a refusal: on a page of its own, or on that which the person came from."""
        table = refusal.details.get("table")
        self._site.record_refusal(request, refusal, operation=operation, table=table)
        if request.method == "GET" or refusal.status in PAGE_STATUSES:
            page: HttpResponse = self._site.refused_page(request, refusal)
            return page
        messages.error(request, sentence(refusal))
        return HttpResponseRedirect(_url("one", backup_file) if backup_file else _url("list"))

    @page("LIST_BACKUPS", "GET")
    def list_page(self, request: HttpRequest) -> HttpResponse:
        """Show the backups there are, and what can be done."""
        actor = actor_of(request)
        listing = services.list_backups(actor=actor, limit=LISTED)
        context = {
            "title": _("Backups"),
            "alerts": alerts.open_now(),
            "lines": [words.line(found) for found in listing.backups],
            **charts.context(listing.backups, timezone.now()),
            "total": listing.total,
            "hidden": listing.total - len(listing.backups),
            "total_size": filesizeformat(listing.total_bytes),
            "unreadable": listing.unreadable,
            "jobs": _jobs(actor),
            "may_back_up_all": _may(access.require_all, actor, Operation.BACKUP),
            "tables": words.tables(_tables(actor, Operation.BACKUP)),
            "contents": words.CONTENTS.items(),
            "may_upload": _may(access.require_files, actor),
            "upload_limit": filesizeformat(settings.BACKUP_MAX_UPLOAD_MB << 20),
        }
        return self._shown(request, "list", context)

    @page("BACKUP_FULL", "POST")
    def create(self, request: HttpRequest) -> HttpResponse:
        """Have a full backup made."""
        return _started(starting.back_up_all(actor=actor_of(request)))

    @page("BACKUP_TABLE", "POST")
    def create_table(self, request: HttpRequest) -> HttpResponse:
        """Have one table backed up."""
        table, content = request.POST.get("table", ""), request.POST.get("content", "")
        return _started(starting.back_up_table(actor=actor_of(request), table=table, content=content))

    @page("LIST_BACKUPS", "GET")
    def one_page(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Show one backup, and what can be done with it."""
        actor = actor_of(request)
        described = describing.describe_backup(actor=actor, backup_file=backup_file)
        held = described.claims.tables or registry.names()
        context = {
            "title": described.found.file,
            "line": words.line(described.found),
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
        return self._shown(request, "one", context)

    @page("VALIDATE_BACKUP", "POST")
    def validate(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Have a backup checked."""
        deep = request.POST.get("deep") == "yes"
        job = starting.validate(actor=actor_of(request), backup_file=backup_file, deep=deep)
        return _started(job)

    @page("RESTORE_FULL", "POST")
    def restore(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Show what a restore of everything would do; have it done where its plan was agreed to."""
        arguments = {
            "backup_file": backup_file,
            "drop_existing": _one_of(request, "way", ("replace", "merge")) == "replace",
            "on_conflict": request.POST.get("on_conflict", "error"),
        }
        return self._restored(request, arguments, restoring.restore_full, starting.restore_all)

    @page("RESTORE_TABLE", "POST")
    def restore_table(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Show what a restore of one table would do; have it done where its plan was agreed to."""
        arguments = {
            "backup_file": backup_file,
            "table": request.POST.get("table", ""),
            "on_conflict": request.POST.get("on_conflict", "error"),
        }
        return self._restored(request, arguments, restoring.restore_table, starting.restore_table)

    def _restored(
        self,
        request: HttpRequest,
        arguments: dict[str, Any],
        restore: Callable[..., object],
        start: Callable[..., Job],
    ) -> HttpResponse:
        """Start what was agreed to, the file's name typed; else ask."""
        actor, file = actor_of(request), arguments["backup_file"]
        token, typed = request.POST.get("plan_token"), request.POST.get("typed", "").strip()
        if token and typed == file:
            return _started(start(actor=actor, plan_token=token, **arguments))
        try:
            restore(actor=actor, asks=True, **arguments)
        except ConfirmationRequired as asked:
            plan = asked.details["plan"]
            replaces = bool(arguments.get("drop_existing"))
            context = {
                "title": _("Restore everything?") if "table" not in arguments else _("Restore one table?"),
                "file": file,
                "plan": plan,
                "created": plan["created_at"].replace("T", " ").removesuffix("Z"),
                "rows": words.plan_rows(
                    plan, history.changed_since(datetime.fromisoformat(plan["created_at"]))
                ),
                "since": plan["created_at"],
                "replaces": replaces,
                "total_now": words.count(plan.get("records_now")),
                "total_then": words.count(plan.get("records_then")),
                "on_conflict": words.ON_CONFLICT.get(arguments["on_conflict"]),
                "table": arguments.get("table"),
                "fields": {
                    **_posted(request, "way", "table", "on_conflict"),
                    "plan_token": asked.details["plan_token"],
                },
                "typed": typed,
                "is_mistyped": bool(token),
            }
            return self._shown(request, "restore", context)
        raise AssertionError("a plan that was asked for was not given")

    @page("DOWNLOAD_BACKUP", "GET")
    def download(self, request: HttpRequest, *, backup_file: str) -> HttpResponseBase:
        """Send a backup's file."""
        return _file(services.open_download(actor=actor_of(request), backup_file=backup_file))

    @page("DOWNLOAD_BACKUP", "GET")
    def download_manifest(self, request: HttpRequest, *, backup_file: str) -> HttpResponseBase:
        """Send a backup's manifest, with which another server of ours knows it."""
        return _file(
            services.open_download(actor=actor_of(request), backup_file=backup_file, manifest_only=True)
        )

    @csrf_exempt  # which reads the whole of what comes: first see from whom, and how much; then _receive asks for it
    @page("UPLOAD_BACKUP", "POST")
    def upload(self, request: HttpRequest) -> HttpResponseBase:
        """Take a file that somebody brings."""
        access.require_files(actor_of(request))
        most = settings.BACKUP_MAX_UPLOAD_MB
        if int(request.META.get("CONTENT_LENGTH") or 0) > (most << 20) + MAX_BYTES + FORM_BYTES:
            raise LimitExceeded(f"The file is larger than {most} MB.", limit=most)
        receive: View = csrf_protect(self._receive)
        return receive(request)

    def _receive(self, request: HttpRequest) -> HttpResponse:
        file, manifest_file = request.FILES.get("file"), request.FILES.get("manifest")
        if file is None:
            raise InvalidInput("Choose a file to upload.", argument="file")
        if manifest_file is not None and (manifest_file.size or 0) > MAX_BYTES:
            raise LimitExceeded("The manifest is larger than any of ours.", limit=MAX_BYTES)
        blocks: Iterable[bytes] = file.chunks()
        brought = uploads.add_upload(
            actor=actor_of(request),
            source=blocks,
            manifest_data=manifest_file.read() if manifest_file else None,
        )
        told = _("Kept as %(file)s. Check it before you rely on it.") % {"file": brought.file}
        messages.success(request, told)
        return HttpResponseRedirect(_url("one", brought.file))

    @page("TRUST_BACKUP", "POST")
    def trust(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Note that somebody answers for a foreign file, by its sha256."""
        actor, typed = actor_of(request), request.POST.get("sha256", "").strip().lower()
        if not describing.describe_backup(actor=actor, backup_file=backup_file).looks:
            raise InvalidInput("Nobody has checked this file yet.", hint="Check it first, then trust it.")
        uploads.trust(actor=actor, backup_file=backup_file, sha256=typed)
        messages.success(request, _("The file is trusted: it can be restored."))
        return HttpResponseRedirect(_url("one", backup_file))

    @page("DELETE_BACKUP", "GET", "POST")
    def delete(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Show what would be lost, and delete it where somebody agreed to that."""
        token = request.POST.get("plan_token")
        try:
            gone = services.delete_backup(
                actor=actor_of(request), backup_file=backup_file, plan_token=token, asks=True
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
            return self._shown(request, "delete", context)
        watching.watch(timezone.now())
        told = {"file": gone.file, "size": filesizeformat(gone.freed_bytes)}
        messages.success(request, _("Deleted %(file)s: %(size)s are free again.") % told)
        return HttpResponseRedirect(_url("list"))

    def _shown(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        whole = {**self._site.each_context(request), **context}
        return TemplateResponse(request, f"admin/backups/{template}.html", whole)


def _started(job: Job) -> HttpResponse:
    """Lead to the job, which shows how far it is."""
    return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[job.pk]))


def _url(name: str, *arguments: str) -> str:
    return reverse(f"admin:backups_{name}", args=arguments)


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


def _tables(actor: Actor, operation: Operation) -> list[str]:
    """The tables with which the actor may do that."""
    tables = [
        table for table in registry.all_tables() if operation is Operation.BACKUP or not table.read_only
    ]
    return [table.name for table in tables if _may(access.require_table, actor, operation, table)]


def _may(require: Callable[..., None], *arguments: object) -> bool:
    """Whether a rule lets the actor."""
    try:
        require(*arguments)
    except Refused:
        return False
    return True


def _one_of(request: HttpRequest, name: str, allowed: tuple[str, ...]) -> str:
    value = request.POST.get(name, "")
    if value not in allowed:
        raise InvalidInput(f"{name} must be one of {', '.join(allowed)}.", argument=name)
    return value


def _posted(request: HttpRequest, *names: str) -> dict[str, str]:
    return {name: request.POST[name] for name in names if name in request.POST}


def _file(download: services.Download) -> FileResponse:
    """A file, block by block."""
    answer = FileResponse(
        download.file,
        as_attachment=True,
        filename=download.name,
        content_type="application/octet-stream",  # gzip would have proxies and browsers unpack it
    )
    answer["Content-Length"] = str(download.size_bytes)
    return answer
