"""Junction rows as people read them."""

from __future__ import annotations

from typing import Any

import pytest

from accesscontrol.errors import Forbidden
from catalog.models import CharacterScene
from catalog.services import junctions
from tests.catalog.services import builders
from tests.catalog.services.builders import APPEARANCES


@pytest.mark.parametrize("limit", [1, 1_000])
def test_rows_are_found_by_names_however_many_records_have_them(
    admin: Any, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(junctions, "MAX_KEYS", limit)
    scene, other = builders.scene(title="The Demeter"), builders.scene(title="The asylum")
    people = [builders.character(name=f"Sailor {number}") for number in range(3)]
    CharacterScene.objects.bulk_create(CharacterScene(character=p, scene=scene, role="crew") for p in people)
    CharacterScene.objects.create(character=builders.character(name="Renfield"), scene=other, role="patient")

    def found(text: str) -> int:
        return junctions.list_rows(actor=admin, table=APPEARANCES, text=text).total

    assert [found(text) for text in ("sailor", "demeter", "renf", "patient", "crew", "nobody", "")] == [
        3,
        3,
        1,
        1,
        3,
        0,
        4,
    ]


def test_a_row_names_what_it_ties_and_says_what_is_in_the_trash(admin: Any) -> None:
    scene = builders.scene(title="The Demeter")
    person = builders.character(name="Sailor", deleted_at=scene.created_at)
    CharacterScene.objects.create(character=person, scene=scene, role="crew")

    (row,) = junctions.list_rows(actor=admin, table=APPEARANCES).records

    assert row["character"] == {"name": "Sailor", "in_trash": True}
    assert row["scene"] == {"name": "The Demeter", "in_trash": False}
    assert (row["character_id"], row["role"]) == (person.pk, "crew")


def test_who_may_not_read_the_table_reads_nothing(nobody: Any) -> None:
    with pytest.raises(Forbidden):
        junctions.list_rows(actor=nobody, table=APPEARANCES)
