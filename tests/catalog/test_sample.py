from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from django.db.models import Count, Model, Q, Sum

from accesscontrol import service_users
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Forbidden
from audit.models import AuditLog
from catalog import models, registry
from catalog.sample import files, loader
from catalog.services import records, trash
from catalog.table import Table

TABLES = registry.all_tables()
WITH_TRASH = [table for table in TABLES if table.soft_delete]
CHARACTERS = registry.get("characters")
LIVE = Q(deleted_at=None)


def run_command() -> str:
    printed = StringIO()
    call_command("load_sample", stdout=printed)
    return printed.getvalue()


def everything() -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table but the trail."""
    return {
        table.name: list(table.model._default_manager.order_by(*table.key).values_list())
        for table in TABLES
        if not table.append_only
    }


@pytest.fixture(scope="module", autouse=True)
def printed(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[str]:
    """Load the library once for all these tests, and return what the command printed."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield run_command()
        transaction.set_rollback(True)


@pytest.fixture
def manager(db: None) -> Actor:
    return Actor(user=service_users.get("manager", role="Data manager"), channel=Channel.COMMAND)


@pytest.mark.django_db
class TestWhatIsThere:
    @pytest.mark.parametrize("table", TABLES, ids=str)
    def test_every_table_has_something_to_look_at(self, table: Table) -> None:
        assert table.model._default_manager.exists()

    @pytest.mark.parametrize("table", WITH_TRASH, ids=str)
    def test_every_trash_has_something_in_it(self, table: Table) -> None:
        assert table.model._default_manager.exclude(LIVE).exists()

    @pytest.mark.parametrize(
        ("name", "least"),
        [("authors", 3), ("series", 1), ("books", 6), ("chapters", 60), ("scenes", 80), ("characters", 60)],
    )
    def test_it_has_at_least_as_much_as_promised_outside_the_trash(self, name: str, least: int) -> None:
        table = registry.get(name)
        assert table.model._default_manager.filter(LIVE if table.soft_delete else Q()).count() >= least

    def test_books_differ_in_status_and_some_columns_are_empty(self) -> None:
        books = models.Book.objects.filter(LIVE)
        assert {"published", "editing", "draft", "planned"} == set(books.values_list("status", flat=True))
        assert books.filter(published_at=None).exists()
        assert books.filter(series=None).exists()
        assert models.Chapter.objects.filter(LIVE, title=None).exists()
        assert models.Author.objects.exclude(email=None).exists()

    def test_one_character_shares_most_scenes_with_sherlock_holmes(self) -> None:
        others = models.CharacterScene.objects.filter(
            scene__appearances__character__name="Sherlock Holmes"
        ).exclude(character__name="Sherlock Holmes")
        (first, most), (_, second_most) = Counter(
            others.values_list("character__name", flat=True)
        ).most_common(2)
        assert first == "John H. Watson"
        assert most > second_most

    def test_every_write_is_in_the_trail_as_that_of_the_command(self) -> None:
        written = AuditLog.objects.filter(user_id="load_sample", channel="command", success=True)
        inserted = written.filter(operation="INSERT").values_list("table_name", flat=True)
        assert Counter(inserted) == Counter(record.table for record in files.read())
        deleted = written.filter(operation="DELETE").values_list("table_name", flat=True)
        assert sorted(deleted) == sorted(table.name for table in WITH_TRASH)


@pytest.mark.django_db
class TestItsFacts:
    def test_chapters_are_numbered_without_a_gap(self) -> None:
        for book in models.Book.objects.filter(LIVE, chapters__isnull=False).distinct():
            numbers = list(
                book.chapters.filter(LIVE).order_by("chapter_num").values_list("chapter_num", flat=True)
            )
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), book.title
            assert numbers[0] in {0, 1}, book.title  # 0 is a prologue

    def test_a_finished_book_has_about_as_many_words_as_its_chapters(self) -> None:
        books = models.Book.objects.filter(LIVE, status="published").annotate(sum=Sum("chapters__word_count"))
        assert books
        assert [book.title for book in books if abs(book.sum - book.word_count) > book.word_count / 20] == []

    @pytest.mark.parametrize("model", [models.Chapter, models.Scene])
    def test_a_text_has_as_many_words_as_it_says(self, model: type[Model]) -> None:
        texts = model._default_manager.exclude(content=None)
        assert texts
        assert [text.title for text in texts if len(text.content.split()) != text.word_count] == []

    def test_a_chapter_has_the_words_of_the_sessions_in_which_it_was_written(self) -> None:
        texts = models.Chapter.objects.exclude(content=None).annotate(
            sum=Sum("writing_sessions__words_written")
        )
        assert texts
        assert [text.title for text in texts if text.sum != text.word_count] == []

    @pytest.mark.parametrize(
        ("model", "one", "other"),
        [
            (models.CharacterScene, "scene__chapter__book", "character"),
            (models.Scene, "chapter__book", "pov_character"),
            (models.Scene, "chapter__book", "location"),
            (models.CharacterArc, "book", "character"),
            (models.CharacterKnowledge, "acquired_chapter__book", "character"),
            (models.CharacterTimelineEvent, "chapter__book", "character"),
            (models.CharacterTimelineEvent, "event", "character"),
            (models.EventParticipant, "event", "character"),
            (models.CharacterRelationship, "related_character", "character"),
            (models.WorldElementUsage, "scene__chapter__book", "world_element"),
            (models.Location, "parent_location", ""),
            (models.Organization, "headquarters_location", ""),
        ],
    )
    def test_what_belongs_together_is_of_one_series(self, model: type[Model], one: str, other: str) -> None:
        columns = [f"{path}__series" if path else "series" for path in (one, other)]
        named = Q(**{f"{one}__isnull": False})
        if other:
            named &= Q(**{f"{other}__isnull": False})
        pairs = model._default_manager.filter(named).values_list(*columns)
        assert pairs
        assert [pair for pair in pairs if pair[0] != pair[1]] == []

    def test_nobody_appears_in_two_books_that_share_no_series(self) -> None:
        alone = models.CharacterScene.objects.filter(scene__chapter__book__series=None)
        books = alone.values("character__name").annotate(books=Count("scene__chapter__book", distinct=True))
        assert books
        assert [row for row in books if row["books"] > 1] == []

    def test_whoever_tells_a_scene_is_in_it(self) -> None:
        told = models.Scene.objects.exclude(pov_character=None)
        assert [s.title for s in told if not s.appearances.filter(character=s.pov_character).exists()] == []

    def test_a_scene_has_few_people(self) -> None:
        scenes = models.Scene.objects.annotate(cast=Count("appearances"))
        assert [scene.title for scene in scenes if not 1 <= scene.cast <= 7] == []

    def test_genres_are_those_of_the_migrations(self) -> None:
        used = {*models.BookGenre.objects.values_list("genre__name", flat=True)}
        assert {"Detective fiction", "Gothic fiction", "Portal fantasy", "Science fiction"} <= used


@pytest.mark.django_db
class TestLoadingAgain:
    def test_the_command_says_what_it_did_table_by_table(self, printed: str) -> None:
        tables = {record.table for record in files.read()}
        assert {line.split()[0] for line in printed.splitlines()[:-1]} == tables
        assert f"{len(list(files.read()))} records added in {len(tables)} tables." in printed
        assert "of them in the trash" in printed

    def test_a_second_run_changes_nothing_and_says_so(self) -> None:
        before = everything()
        assert "nothing was added" in run_command()
        assert everything() == before

    def test_it_adds_what_is_missing_and_nothing_else(self, manager: Actor) -> None:
        before = {name: len(rows) for name, rows in everything().items()}
        chapter = models.Chapter.objects.get(book__title="Treasure Island", chapter_num=34)
        records.delete_records(
            actor=manager, table=registry.get("scenes"), where={"chapter_id": chapter.pk}, soft_delete=False
        )
        records.delete_records(
            actor=manager, table=registry.get("exports"), where={"format": {"$in": ["csv", "json", "xlsx"]}}
        )

        done = loader.load(actor=manager)

        added = {name: table.added for name, table in done.items() if table.added}
        assert added == {"scenes": 1, "character_scenes": 5, "exports": before["exports"]}
        assert {name: len(rows) for name, rows in everything().items()} == before

    def test_what_somebody_made_of_a_record_stays(self, manager: Actor) -> None:
        records.update_records(
            actor=manager, table=CHARACTERS, data={"role": "mascot"}, where={"name": "Woola"}, expect_one=True
        )
        trash.restore_records(actor=manager, table=CHARACTERS, where={"name": "Igor"})
        records.delete_records(actor=manager, table=CHARACTERS, where={"name": "Dinah"}, expect_one=True)
        before = everything()

        loader.load(actor=manager)

        assert everything() == before

    def test_it_leaves_out_what_belongs_to_a_record_in_the_trash(self, manager: Actor) -> None:
        book = models.Book.objects.get(title="Treasure Island")
        seventh = {"book_id": book.pk, "chapter_num": 7}
        records.delete_records(
            actor=manager, table=registry.get("chapters"), where=seventh, soft_delete=False, expect_one=True
        )
        records.delete_records(actor=manager, table=registry.get("books"), where={"id": book.pk})

        done = loader.load(actor=manager)

        assert (done["chapters"].added, done["chapters"].left_out) == (0, 1)

    def test_it_loads_all_or_nothing(self, manager: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
        models.Export.objects.all().delete()
        models.WritingGoal.objects.all().delete()
        before = everything()
        fill_trash = loader._Load.fill_trash
        monkeypatch.setattr(loader._Load, "fill_trash", lambda _self: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            loader.load(actor=manager)
        assert everything() == before

        monkeypatch.setattr(loader._Load, "fill_trash", fill_trash)
        assert loader.load(actor=manager)["writing_goals"].added

    def test_who_may_not_write_loads_nothing(self) -> None:
        viewer = Actor(user=User.objects.create_user("viewer"), channel=Channel.COMMAND)
        with pytest.raises(Forbidden):
            loader.load(actor=viewer)
