"""What people, programs and agents are shown of copies; and that nothing is seen where there is no bucket."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from audit import alerts
from backups.models import OffsiteCopy
from backups.offsite.watching import NOT_COPIED
from mcp_bridge.tools import backups as tools
from tests.backups.test_pages import LIST, browser, operator, page, text_of  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db
WORDS = {
    None: "None yet",
    "copying": "On its way",
    "copied": "Copied, not read back yet",
    "verified": "Copied and read back",
    "failed": "The bucket refuses: AccessDenied.",
}


@pytest.fixture
def _bucket(settings):
    settings.STORAGES = settings.STORAGES | {"offsite": {"BACKEND": "nobody connects"}}


@pytest.fixture(params=WORDS)
def told(request, planted):
    """A backup whose copy is in one of the states."""
    found = planted("backup_20261121T020000Z")
    if request.param is not None:
        OffsiteCopy.objects.create(
            file=found.file, sha256=found.sha256, type="full", created_at=found.created, state=request.param,
            reason=WORDS["failed"] if request.param == "failed" else "",
        )  # fmt: skip
    return found, request.param


@pytest.mark.usefixtures("_bucket")
class TestShown:
    def test_to_people(self, told, page):  # noqa: F811
        found, state = told

        for address in (LIST, f"{LIST}{found.file}/"):
            answer = text_of(page.get(address))
            assert "Copy offsite" in answer
            assert WORDS[state] in answer

    def test_to_programs_and_agents(self, told, operator):  # noqa: F811
        _, state = told

        answer = json.loads(browser(operator).get("/api/v1/backups/").content)
        (listed,) = tools.db_list_backups.handler(operator, tools.ListBackups()).backups

        for one in (answer["backups"][0], vars(listed)):
            assert one["offsite"] is (state == "verified")
            assert one["offsite_state"] == state
            assert one["offsite_reason"] == (WORDS["failed"] if state == "failed" else None)

    def test_an_alert_stands_above_the_list(self, planted, operator, page):  # noqa: F811
        alerts.tell(NOT_COPIED, "Not copied offsite: a backup.")

        assert "Not copied offsite: a backup." in text_of(page.get(LIST))


def test_without_a_bucket_nothing_is_seen(planted, page: Client):  # noqa: F811
    found = planted("backup_20261121T020000Z")

    for address in (LIST, f"{LIST}{found.file}/"):
        assert "offsite" not in text_of(page.get(address)).lower()
