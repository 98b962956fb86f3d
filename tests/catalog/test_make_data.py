"""manage.py make_data."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accesscontrol.actor import Actor
from audit.models import AuditLog
from catalog.models import Author, Book, Chapter, Character, Scene
from catalog.sample import bulk


def make(user: Actor, **options: object) -> str:
    told = StringIO()
    call_command("make_data", user=user.username, stdout=told, **{"rows": 25} | options)
    return told.getvalue()


def texts() -> list[tuple[str, ...]]:
    return list(Scene.objects.order_by("id").values_list("title", "content", "summary", "word_count"))


def test_scenes_come_with_all_that_they_belong_to(editor: Actor) -> None:
    told = make(editor, rows=450)

    assert Scene.objects.count() == 450
    assert Chapter.objects.count() == 45
    assert (Book.objects.count(), Author.objects.count()) == (3, 1)
    assert Character.objects.count() == 12
    assert "scenes             450" in told
    scene = Scene.objects.first()
    assert scene.word_count == len(scene.content.split())
    assert scene.pov_character.series == scene.chapter.book.series == scene.location.series


def test_the_same_seed_makes_the_same_texts(editor: Actor) -> None:
    make(editor, seed=3)
    first = texts()
    make(editor, seed=3)
    make(editor, seed=4)
    every = texts()

    assert every[:25] == every[25:50] == first
    assert every[50:] != first


def test_one_audit_row_tells_of_it_all(editor: Actor) -> None:
    make(editor, seed=9)

    (log,) = AuditLog.objects.all()
    assert (log.operation, log.user_id, log.success, log.table_name) == ("BULK_LOAD", "edith", True, None)
    assert log.changes["seed"] == 9
    assert log.changes["records"]["scenes"] == 25
    assert log.record_count == sum(log.changes["records"].values())


def test_records_added_later_get_the_next_numbers(editor: Actor) -> None:
    make(editor)

    last = Scene.objects.latest("id").pk
    assert Scene.objects.create(chapter=Chapter.objects.first(), scene_num=99).pk == last + 1
    assert Author.objects.create(name="Ada").pk == Author.objects.order_by("-id")[1].pk + 1


def test_who_may_not_insert_makes_nothing(viewer: Actor) -> None:
    with pytest.raises(CommandError, match="may not insert"):
        make(viewer)

    assert not Scene.objects.exists()
    assert not AuditLog.objects.exists()


def test_an_unknown_account_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="no active account 'nemo'"):
        call_command("make_data", rows=1, user="nemo")


@pytest.mark.parametrize("rows", [0, -1, bulk.MAX_SCENES + 1])
def test_a_number_out_of_bounds_is_refused(editor: Actor, rows: int) -> None:
    with pytest.raises(CommandError, match="must lie between"):
        make(editor, rows=rows)


def test_production_asks_for_force(editor: Actor, settings: object) -> None:
    settings.PRODUCTION = True

    with pytest.raises(CommandError, match="--force"):
        make(editor)
    assert not Scene.objects.exists()

    make(editor, force=True)
    assert Scene.objects.count() == 25
