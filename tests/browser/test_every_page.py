"""Every page there is, in each look: nothing wrong for axe, no error in the console, nothing wider than the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import Max

from audit.models import AuditLog
from catalog import registry
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.usefixtures("library")

# One table of each kind has all its pages looked at; of the others the list and one record.
WHOLE = {"books", "book_genres"}
LOOKS = {"light": {}, "dark and narrow": {"dark": True, "width": 360, "height": 740}}


def pages() -> Iterator[str]:
    """Yield the addresses of pages below /admin/ that show what a new installation has."""
    yield from (
        "", "search/?q=alice", "diagram/", "profile/", "rights/", "rights/tables/books/", "rights/why/",
        "backups/", "jobs/job/", "audit/auditlog/", "audit/auditlog/overview/", "auth/user/", "auth/user/add/",
        "auth/group/", "auth/group/add/", "password_change/", "django_celery_beat/periodictask/", "catalog/nothing/",
    )  # fmt: skip
    yield f"audit/auditlog/{AuditLog.objects.aggregate(last=Max('id'))['last']}/change/"
    yield f"auth/user/{User.objects.get(username='ada').pk}/change/"
    yield f"auth/group/{Group.objects.get(name='Editor').pk}/change/"
    for table in registry.all_tables():
        if table.append_only:
            continue
        at = f"catalog/{table.model._meta.model_name}/"
        yield at
        record = table.model._default_manager.order_by("pk").values(*table.key).first()
        if record is not None:
            yield f"{at}{table.format_key(record)}/change/"
        if record is not None and table.name in WHOLE:
            yield from (f"{at}add/", f"{at}import/", f"{at}export/", f"{at}?q=nothing+at+all")
            yield from (f"{at}{table.format_key(record)}/{page}/" for page in ("history", "delete"))


@pytest.mark.parametrize("look", LOOKS)
def test_is_fit_to_be_seen(visit: Callable[..., Visitor], look: str) -> None:
    visitor = visit(name="ada", is_superuser=True, **LOOKS[look])
    visitor.go("")
    wrong = []
    for path in pages():
        visitor.go(path)
        wrong += [f"{path or 'welcome'}: {violation}" for violation in visitor.violations()]
        if (overflow := visitor.overflow()) > 0:
            wrong.append(f"{path or 'welcome'}: {overflow} pixels wider than the window")
        visitor.faults = [
            fault for fault in visitor.faults if "404" not in fault
        ]  # of the page that is not there

    assert not wrong, "\n".join(wrong)
