"""Workbooks: exact both ways, harmless in a spreadsheet, and refused where they would harm us."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, LimitExceeded
from catalog import models
from catalog.exchange.services import export
from tests.catalog.exchange import workbooks
from tests.catalog.exchange.conftest import Import
from tests.catalog.exchange.test_import import FIRST, LAST, NASTY_TEXTS, rows_of
from tests.catalog.services import builders
from tests.catalog.services.builders import AUTHORS, CHARACTERS, GOALS, SESSIONS
from tests.faces import samples

TEXTS = [text for text in NASTY_TEXTS if len(text) < 32_767]


class TestRoundTrip:
    def test_is_exact_byte_for_byte(self, manager: Actor, folder: Path, imported: Import) -> None:
        for text in [*TEXTS, "_x000D_", "_x0041_b", "\ufffe", "tab\there"]:
            builders.character(
                name=text[:500], description=text, personality=None, aliases=[text, "", "NULL", "{}", 'a"b\\'],
                attributes={"text": text, "deep": [{"a": None}, 1.50, True]}, created_at=FIRST,
            )  # fmt: skip
        builders.character(aliases=[], attributes={}, deleted_at=LAST)
        before = rows_of(CHARACTERS)
        made = export(actor=manager, table=CHARACTERS, format="xlsx", include_deleted=True)
        models.Character.objects.all().delete()

        done = imported(CHARACTERS, (folder / made.export_file).read_bytes(), "xlsx")

        assert (done.imported, done.errors) == (len(before), [])
        assert rows_of(CHARACTERS) == before
        again = export(actor=manager, table=CHARACTERS, format="xlsx", include_deleted=True)
        assert again.sha256 == made.sha256

    @pytest.mark.parametrize("table", samples.WRITABLE, ids=str)
    def test_of_a_record_of_any_table_is_exact(
        self, admin: Actor, folder: Path, imported: Import, table: Any
    ) -> None:
        record = samples.made(table)
        rows = table.model._default_manager.filter(pk=record.pk)
        before = rows.values().get()
        made = export(actor=admin, table=table, format="xlsx", where={"id": record.pk})
        rows.update(**{table.title_column: "other"} if table.title_column else {})

        imported(table, (folder / made.export_file).read_bytes(), "xlsx", actor=admin, on_conflict="update")

        after = rows.values().get()
        assert {**after, "updated_at": None} == {**before, "updated_at": None}


class TestWhatOthersWrite:
    def test_dates_numbers_and_truth_values_are_taken_as_what_they_are(self, imported: Import) -> None:
        book = builders.book()
        imported(
            GOALS,
            workbooks.made(
                ["book_id", "goal_type", "target", "starts_on", "is_active"],
                [book.pk, "words", 500.0, date(2026, 3, 14), True],
            ),
            "xlsx",
        )
        imported(
            SESSIONS,
            workbooks.made(
                ["book_id", "session_date", "started_at"],
                [book.pk, date(2026, 3, 14), datetime(2026, 3, 14, 9, 30)],  # noqa: DTZ001 - as spreadsheets have it
            ),
            "xlsx",
        )

        goal, session = models.WritingGoal.objects.get(), models.WritingSession.objects.get()
        assert (goal.target, goal.starts_on, goal.is_active) == (500, date(2026, 3, 14), True)
        assert (session.session_date, session.started_at) == (
            date(2026, 3, 14), datetime(2026, 3, 14, 9, 30, tzinfo=UTC),
        )  # fmt: skip

    def test_a_number_in_a_column_of_texts_is_a_text(self, imported: Import) -> None:
        imported(AUTHORS, workbooks.made(["name", "bio"], [1984, 0.5], [True, None]), "xlsx")

        assert list(models.Author.objects.order_by("id").values_list("name", "bio")) == [
            ("1984", "0.5"), ("true", None),
        ]  # fmt: skip

    def test_rows_of_nothing_are_passed_by(self, imported: Import) -> None:
        assert imported(AUTHORS, workbooks.made(["name"], ["Ann"], [None], ["Bob"]), "xlsx").imported == 2

    def test_formulas_errors_and_cells_beyond_the_header_are_told_by_row(self, imported: Import) -> None:
        content = workbooks.made(
            ["name", "bio"], ["Ann", "=1+1"], ["#N/A", "x"], ["Cid", "x", "more"], ["Dan", "x"]
        )

        done = imported(AUTHORS, content, "xlsx", dry_run=True)

        assert [(e["row"], e["column"]) for e in done.errors] == [(1, "bio"), (2, "name"), (3, None)]
        assert "formula" in done.errors[0]["message"]


class TestHarmless:
    def test_what_a_spreadsheet_would_run_is_marked_as_text_and_stays_exact(
        self, manager: Actor, folder: Path
    ) -> None:
        for name in ("=1+1", "+1", "-1", "@x", "\tx", "plain"):
            builders.author(name=name)

        made = export(actor=manager, table=AUTHORS, format="xlsx", columns=["name"], escape_formulas=True)

        cells = [
            row[0] for row in workbooks.read((folder / made.export_file).read_bytes()).iter_rows(min_row=2)
        ]
        assert [cell.value for cell in cells] == ["=1+1", "+1", "-1", "@x", "\tx", "plain"]
        assert [cell.data_type for cell in cells] == ["s"] * 6
        assert [cell.quotePrefix for cell in cells] == [True] * 5 + [False]

    def test_numbers_that_a_spreadsheet_would_round_are_texts(self, manager: Actor, folder: Path) -> None:
        builders.author(id=999_999_999_999_999)
        builders.author(id=1_000_000_000_000_001)

        made = export(actor=manager, table=AUTHORS, format="xlsx", columns=["id"])

        values = [row[0] for row in workbooks.read((folder / made.export_file).read_bytes()).values]
        assert values == ["id", 999_999_999_999_999, "1000000000000001"]

    def test_what_no_cell_can_hold_is_refused_and_no_file_is_left(self, manager: Actor, folder: Path) -> None:
        builders.author(bio="x" * 32_768)

        with pytest.raises(LimitExceeded, match="32,767"):
            export(actor=manager, table=AUTHORS, format="xlsx")

        assert [path.name for path in folder.iterdir()] == []


class TestHarmful:
    def test_a_bomb_is_not_unpacked(self, imported: Import) -> None:
        with pytest.raises(LimitExceeded, match="unpacks to"):
            imported(AUTHORS, workbooks.bomb(), "xlsx")

    @pytest.mark.parametrize(
        "content",
        [b"name\nAnn\n", b"PK\x03\x04 and no more", b"\xd0\xcf\x11\xe0" + b"x" * 600, b"\x00" * 100],
        ids=["CSV", "half", "old", "zeros"],
    )
    def test_what_is_no_workbook_is_refused(self, imported: Import, content: bytes) -> None:
        with pytest.raises(InvalidInput, match="workbook"):
            imported(AUTHORS, content, "xlsx")

    def test_a_workbook_of_wrong_parts_is_refused(self, imported: Import) -> None:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("[Content_Types].xml", "<Types")
        with pytest.raises(InvalidInput, match="no workbook"):
            imported(AUTHORS, file.getvalue(), "xlsx")

    def test_too_many_columns_are_refused(self, imported: Import) -> None:
        with pytest.raises(LimitExceeded, match="columns"):
            imported(AUTHORS, workbooks.made([f"c{n}" for n in range(600)], ["x"]), "xlsx")

    def test_an_empty_sheet_is_refused(self, imported: Import) -> None:
        with pytest.raises(InvalidInput, match="first sheet is empty"):
            imported(AUTHORS, workbooks.made(), "xlsx")

    def test_a_character_that_nothing_can_store_is_a_fault(self, imported: Import) -> None:
        done = imported(AUTHORS, workbooks.made(["name"], ["a_x0000_b"]), "xlsx", dry_run=True)

        assert [(e["row"], e["column"]) for e in done.errors] == [(1, "name")]
