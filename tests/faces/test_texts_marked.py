"""Pages in a language that does not exist: every text that went through a catalogue is marked, all others are found.

The language writes each letter in its wide form. What stands on a page in plain letters then is data, a name of the
schema or of a program, or a text that nobody can translate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.translation import trans_real
from django_celery_beat.models import PeriodicTask

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Refused
from accesscontrol.policy import Decision
from audit.models import AuditLog
from catalog import models, registry
from catalog.services import live, records
from catalog.services.column_rules import why_not_hidden
from jobs import kinds, schedule, waking
from jobs.services import enqueue
from tests.faces.test_texts import NAMES, Texts

WORD = re.compile(r"[A-Za-z]{2,}")
KEPT = re.compile(  # what a translation leaves as it is: places for values, tags, entities
    r"(%\(\w+\)[\w.]+|%[\w%]|\{[^{}]*\}|<[^<>]*>|&\w+;)"
)
SIGNS = re.compile(  # of rights, of errors, of sizes; numbers of requests and changes
    r"^[riudpembs·]{9}$|\b[A-Z]+(_[A-Z]+)+\b|\b[MK]B\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\bTrue\b"
)
WIDE = {code: code + 0xFEE0 for code in (*range(65, 91), *range(97, 123))}


def wide(text: str) -> str:
    """Return a text as the language has it."""
    parts = KEPT.split(text.rpartition("\x04")[2])  # what is before that is a context
    return "".join(part if at % 2 else part.translate(WIDE) for at, part in enumerate(parts))


class Wide(trans_real.DjangoTranslation):  # type: ignore[misc]
    """The catalogue of the language."""

    def gettext(self, message: str) -> str:
        return wide(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return wide(msgid1 if n == 1 else msgid2)


@pytest.fixture
def _marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speak that language where English would be spoken."""
    monkeypatch.setitem(trans_real._translations, "en", Wide("en"))
    monkeypatch.setattr(trans_real, "_default", None)
    monkeypatch.setattr(trans_real._active, "value", Wide("en"), raising=False)


def words_of_the_database() -> set[str]:
    """What the database itself calls things, and says of them."""
    found: set[str] = set()
    for table in registry.all_tables():
        meta = table.model._meta
        found |= {table.name, str(meta.verbose_name), str(meta.verbose_name_plural)}
        told = live.describe(table.name)
        found |= {told["description"], *(column["description"] for column in told["columns"])}
        for name, field in table.columns.items():
            found |= {name, str(field.verbose_name)}
            found |= {str(part) for pair in field.flatchoices for part in pair}
        found |= {why for name in table.columns if (why := why_not_hidden(table, name))}
    found |= {
        *Group.objects.values_list("name", flat=True),
        *models.Genre.objects.values_list("name", flat=True),
    }
    for entry in PeriodicTask.objects.all():
        found |= {entry.name, entry.description}
    return found


def without(words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of all of them, the longest first, where they stand as words."""
    known = sorted(filter(None, words), key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in known), re.IGNORECASE)


@pytest.fixture
def reasons(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What services answer when they refuse: English for every face, since it is written to the trail as it is told."""
    said: set[str] = set()

    def noted(thing: type[Any]) -> None:
        made = thing.__init__

        def note(self: Any, *args: Any, **more: Any) -> None:
            made(self, *args, **more)
            said.update(filter(None, (getattr(self, name, None) for name in ("message", "hint", "reason"))))

        monkeypatch.setattr(thing, "__init__", note)

    noted(Refused)
    noted(Decision)
    return said


@pytest.fixture
def reader(db: None, tmp_path: Any, settings: Any) -> User:
    """Somebody who sees every page; nothing that they see is called anything in plain letters."""
    settings.EXPORT_DIR, settings.BACKUP_DIR = tmp_path / "exports", tmp_path / "backups"
    return User.objects.create_user("ω", is_staff=True, is_superuser=True)


@pytest.fixture
def book(reader: User) -> models.Book:
    """A book that was made and changed, and one in the trash."""
    actor, books = Actor(reader, Channel.ADMIN), registry.get("books")
    author = models.Author.objects.create(name="Ὅμηρος")
    for title in ("Ἰλιάς", "Ὀδύσσεια"):
        records.insert_record(actor=actor, table=books, data={"title": title, "author_id": author.pk})
    first, second = models.Book.objects.order_by("id")
    new = {"title": "Ὕμνοι", "description": "Μῆνιν ἄειδε θεά", "status": "published"}
    records.update_records(actor=actor, table=books, data=new, where={"id": first.pk})
    records.delete_records(actor=actor, table=books, where={"id": second.pk})
    genre = models.Genre.objects.order_by("id")[0]
    tie = {"book_id": first.pk, "genre_id": genre.pk}
    records.insert_record(actor=actor, table=registry.get("book_genres"), data=tie)
    return first


def of_a_table(book: models.Book, client: Client) -> Iterator[Any]:
    """Yield the pages of books, and of a table that ties them to others."""
    at, gone = "/admin/catalog/book/", models.Book.objects.exclude(pk=book.pk).get().pk
    for page in ("", "?q=Τροία", "?status=draft&word_count__gte=1", "?trash=1", "add/", "import/", "export/"):
        yield client.get(at + page)
    for page in ("change", "history", "delete", "history/2/before", "history/2/after"):
        yield client.get(f"{at}{book.pk}/{page}/")
    for page in ("change", "purge"):
        yield client.get(f"{at}{gone}/{page}/")
    yield client.post(f"{at}{book.pk}/change/", {"title": "", "word_count": "many"})
    for action in ("edit_chosen", "delete_chosen", "export_chosen", "purge_chosen"):
        yield client.post(at, {"action": action, "_selected_action": [str(book.pk)]}, follow=True)
    changes = {
        "action": "edit_chosen",
        "_selected_action": [str(book.pk)],
        "change": "status",
        "status": "draft",
    }
    yield client.post(at, {**changes, "step": "preview"})
    file = SimpleUploadedFile("β.csv", f"title,author_id\nΨάλτης,{models.Author.objects.get().pk}\n".encode())
    terms = client.post(f"{at}import/", {"resource": "0", "import_file": file})
    yield client.get(terms["Location"])
    preview = client.post(terms["Location"], {"to_0": "title", "to_1": "author_id", "on_conflict": "error"})
    yield client.get(preview["Location"])
    tied, key = "/admin/catalog/bookgenre/", models.BookGenre.objects.get()
    for page in ("", "?q=Τροία", "add/", "import/", "export/"):
        yield client.get(tied + page)
    for page in ("change", "history", "delete"):
        yield client.get(f"{tied}{key.book_id}:{key.genre_id}/{page}/")


def of_no_table(reader: User, client: Client) -> Iterator[Any]:
    """Yield the pages that are no table's."""
    update = AuditLog.objects.filter(operation="UPDATE", success=True)[0]
    editor = Group.objects.get(name="Editor").pk
    other = User.objects.create_user("ψ", is_staff=True)
    kinds.load()
    schedule.install()
    entry = PeriodicTask.objects.filter(task=waking.RUN_SCHEDULED)[0].pk
    job = enqueue(actor=Actor(reader, Channel.ADMIN), kind="backup_full")
    for page in (
        "", "search/?q=Τροία", "diagram/", "diagram/?from=books&to=genres", "profile/", "password_change/",
        "rights/", "rights/tables/books/", "rights/why/?operation=delete&table=books",
        f"rights/why/?user={other}&operation=read&table=books", "backups/", "jobs/job/", f"jobs/job/{job.pk}/change/",
        "audit/auditlog/", "audit/auditlog/?q=Τροία", "audit/auditlog/overview/", "audit/auditlog/export/",
        f"audit/auditlog/{update.pk}/change/", f"audit/auditlog/undo/{update.change_id}/",
        "auth/user/", "auth/user/?q=Τροία", "auth/user/add/", f"auth/user/{other.pk}/change/",
        f"auth/user/{other.pk}/password/", f"auth/user/{other.pk}/delete/", f"auth/user/{reader.pk}/change/",
        "auth/group/", "auth/group/add/", f"auth/group/{editor}/change/", f"auth/group/{editor}/delete/",
        "django_celery_beat/periodictask/", f"django_celery_beat/periodictask/{entry}/change/",
    ):  # fmt: skip
        yield client.get(f"/admin/{page}")
    yield client.post("/admin/auth/user/add/", {"username": "", "password1": "a", "password2": "b"})
    yield client.post(
        "/admin/password_change/", {"old_password": "", "new_password1": "a", "new_password2": "b"}
    )
    yield Client().post("/admin/login/", {"username": "ψ", "password": ""})
    yield Client().get("/admin/login/")
    yield client.get("/admin/nowhere/")


def plain(answer: Any, known: re.Pattern[str]) -> Iterator[str]:
    """Yield the texts of a page that have words in plain letters, but for what is known not to be translated."""
    for text in Texts(answer.content.decode().replace("<wbr>", "")).found:
        shown = " ".join(text.split())
        left = SIGNS.sub(" ", NAMES.sub(" ", known.sub(" ", shown.replace("Database Admin Server", " "))))
        if WORD.search(left):
            yield f"{shown[:150]} (on {answer.request['PATH_INFO']})"


@pytest.mark.usefixtures("_marked")
def test_every_text_of_every_page_went_through_the_catalogue(
    book: models.Book, reader: User, browser: Callable[..., Client], reasons: set[str]
) -> None:
    client = browser(reader)

    answers = [*of_a_table(book, client), *of_no_table(reader, client)]

    assert {answer.status_code for answer in answers} == {200, 404}
    known = without(words_of_the_database() | reasons)
    assert sorted({text for answer in answers for text in plain(answer, known)}) == []
