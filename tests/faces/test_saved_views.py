"""Lists that people keep: whose they are, and who sees them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError

from accesscontrol.models import ColumnRule
from catalog import registry
from catalog.models import SavedView
from tests.faces.samples import url

BOOKS = registry.get("books")
LIST = url(BOOKS, "")


def keep(client: Any, name: str, query: str, **form: str) -> Any:
    return client.post(f"{LIST}views/", {"name": name, "query": query, **form}, follow=True)


def menu(client: Any) -> dict[str, str | None]:
    """Return {name: address} of the views that somebody finds above the list."""
    return {view.name: view.address for view in client.get(LIST).context["saved_views"]}


def test_a_list_is_kept_without_the_place_in_it(browser: Any, viewer: Any) -> None:
    client = browser(viewer)

    page = keep(client, "  My   drafts ", "status=draft&o=-title&p=3&_after=x&genre=")

    assert "This list is kept as “My drafts”." in page.content.decode()
    assert menu(client) == {"My drafts": "?o=-title&status=draft"}
    assert page.request["QUERY_STRING"] == "o=-title&status=draft"


def test_the_same_name_is_the_same_view(browser: Any, viewer: Any) -> None:
    client = browser(viewer)
    keep(client, "Mine", "status=draft")
    keep(client, "Mine", "status=editing", is_shared="1")

    (view,) = SavedView.objects.all()

    assert (view.query, view.is_shared) == ("status=editing", True)


def test_others_see_what_is_shared_alone(browser: Any, viewer: Any, writer: Any, person: Any) -> None:
    keep(browser(writer), "Private", "status=draft")
    keep(browser(writer), "Open", "status=editing", is_shared="1")

    assert menu(browser(viewer)) == {"Open": "?status=editing"}
    assert browser(person(read=["authors"])).get(LIST).status_code == 403


def test_the_trail_tells_who_kept_shared_and_deleted_what(
    browser: Any, writer: Any, admin: Any, news: Any
) -> None:
    keep(browser(writer), "Mine", "status=draft")
    keep(browser(writer), "Mine", "status=editing", is_shared="1")
    browser(admin).post(f"{LIST}views/{SavedView.objects.get().pk}/delete/")

    kept, shared, gone = (
        row for row in news() if row.operation in {"SAVE_VIEW", "DELETE_VIEW"} and row.success
    )

    assert {row.record_id for row in (kept, shared, gone)} == {"view Mine of books"}
    assert [row.user_id for row in (kept, shared, gone)] == [writer.username, writer.username, admin.username]
    assert kept.changes["is_shared"] == {"old": None, "new": False}
    assert shared.changes.keys() == {"is_shared", "filters"}
    assert gone.changes["owner"] == {"old": writer.username, "new": None}
    assert "draft" not in str([kept.changes, shared.changes, gone.changes])


def test_the_trail_tells_no_reader_of_the_table_of_a_private_view(
    browser: Any, viewer: Any, writer: Any
) -> None:
    keep(browser(writer), "Private", "status=draft")

    assert "view Private" in browser(writer).get("/admin/audit/auditlog/").content.decode()
    assert "view Private" not in browser(viewer).get("/admin/audit/auditlog/").content.decode()


def test_a_view_that_the_trail_can_not_tell_of_is_not_kept(
    browser: Any, writer: Any, monkeypatch: Any
) -> None:
    def fail(entry: Any) -> None:
        raise DatabaseError

    client = browser(writer)
    monkeypatch.setattr("catalog.services.saved_views.trail.record", fail)

    with pytest.raises(DatabaseError):
        keep(client, "Mine", "status=draft")

    assert not SavedView.objects.exists()


def test_nobody_deletes_what_is_not_theirs(
    browser: Any, viewer: Any, writer: Any, admin: Any, news: Any
) -> None:
    keep(browser(writer), "Private", "status=draft")
    keep(browser(writer), "Open", "status=editing", is_shared="1")
    private, shared = SavedView.objects.order_by("-name").values_list("pk", flat=True)
    news()

    for client, key in ((browser(viewer), private), (browser(viewer), shared), (browser(admin), private)):
        page = client.post(f"{LIST}views/{key}/delete/", follow=True)
        assert "There is no such view of yours." in page.content.decode()

    assert SavedView.objects.count() == 2
    assert [row.error_code for row in news(success=False)] == ["NOT_FOUND"] * 3
    browser(admin).post(f"{LIST}views/{shared}/delete/")
    browser(writer).post(f"{LIST}views/{private}/delete/")
    assert not SavedView.objects.exists()


def test_a_view_goes_with_the_list_of_its_own_table_alone(browser: Any, writer: Any) -> None:
    client = browser(writer)
    keep(client, "Mine", "status=draft")

    client.post(f"{url(registry.get('chapters'), '')}views/{SavedView.objects.get().pk}/delete/")

    assert SavedView.objects.exists()


def test_a_shared_view_tells_of_no_hidden_column(browser: Any, admin: Any, editor: Any) -> None:
    keep(browser(admin), "Telling", "word_count__gte=4711", is_shared="1")
    keep(browser(admin), "Plain", "status=draft", is_shared="1")
    ColumnRule.objects.create(
        role=Group.objects.get(name="Editor"), table_id="books", column_name="word_count", access="hidden"
    )

    page = browser(editor).get(LIST)

    assert "4711" not in page.content.decode()
    assert "Telling" not in page.content.decode()


@pytest.mark.parametrize(
    ("name", "query", "words"),
    [
        ("", "status=draft", "A view needs a name"),
        ("x" * 81, "status=draft", "A view needs a name"),
        ("Good", "rating=5", "has no column"),
        ("Good", "q=" + "x" * 5_000, "too many filters"),
        ("N\0", "status=draft", "can&#x27;t store"),
    ],
)
def test_what_can_not_be_kept_is_explained(
    browser: Any, viewer: Any, name: str, query: str, words: str
) -> None:
    page = keep(browser(viewer), name, query)

    assert words in page.content.decode()
    assert not SavedView.objects.exists()


def test_a_person_keeps_so_many_and_no_more(browser: Any, viewer: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("catalog.services.saved_views.MAX_VIEWS", 1)
    client = browser(viewer)
    keep(client, "One", "status=draft")

    page = keep(client, "Two", "status=draft")

    assert "Delete one first." in page.content.decode()
    assert keep(client, "One", "status=editing").status_code == 200


def test_a_view_is_named_and_its_name_is_text(browser: Any, viewer: Any) -> None:
    client = browser(viewer)
    keep(client, "<script>alert(1)</script>", "status=draft")

    page = client.get(f"{LIST}?status=draft").content.decode()

    assert "<script>alert(1)" not in page
    assert '<span class="current-view">&lt;script&gt;' in page
