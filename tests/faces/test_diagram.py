"""The diagram of the tables."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest

from catalog import registry
from catalog.admin import diagram_layout
from catalog.admin.diagram_layout import HEIGHT, WIDTH, arrange

URL = "/admin/diagram/"


class TestPage:
    def test_shows_every_table_with_a_link_and_every_reference(
        self, browser: Any, viewer: Any, news: Any
    ) -> None:
        news()

        page = browser(viewer).get(URL)

        html = page.content.decode()
        for table in registry.all_tables():
            assert len(re.findall(rf'class="node[^"]*" data-table="{table.name}"', html)) == 1
            for column in table.foreign_keys:
                assert f"<code>{column}</code>" in html
        references = {(t.name, parent) for t in registry.all_tables() for parent in t.foreign_keys.values()}
        drawn = {(line["table"], line["references"]) for line in page.context["lines"]}
        assert drawn == {(a, b) for a, b in references if a != b}
        assert [row.operation for row in news(table_name=None)][-1] == "GET_RELATIONSHIPS"

    def test_shows_nothing_of_tables_that_are_not_read(self, browser: Any, person: Any) -> None:
        page = browser(person(read=["books", "chapters"])).get(URL)

        assert [node["name"] for node in page.context["nodes"]] == ["books", "chapters"]
        assert "series_id" not in page.content.decode()

    def test_tells_who_reads_nothing_what_to_do(self, browser: Any, person: Any) -> None:
        assert "can give you a role" in browser(person()).get(URL).content.decode()

    def test_shows_the_way_between_two_tables(self, browser: Any, viewer: Any) -> None:
        page = browser(viewer).get(f"{URL}?from=tropes&to=chapters")

        assert [step["column"] for step in page.context["steps"]] == [
            "book_tropes.trope_id",
            "book_tropes.book_id",
            "chapters.book_id",
        ]
        assert {node["name"] for node in page.context["nodes"] if node["is_on_way"]} == {
            "tropes",
            "book_tropes",
            "books",
            "chapters",
        }
        assert page.content.decode().count('class="line on-way"') == 3

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ("from=books&to=lookup_values", "There is no way"),
            ("from=books&to=books", "the same table"),
            ("from=books&to=<script>", "There is no way"),
        ],
    )
    def test_says_so_where_there_is_none(self, browser: Any, viewer: Any, query: str, told: str) -> None:
        html = browser(viewer).get(f"{URL}?{query}").content.decode()

        assert told in html
        assert "<script>" not in html.split('id="content-main"')[1].split("</main>")[0]


class TestLayout:
    def test_no_table_covers_another_and_each_stands_right_of_what_it_refers_to(self) -> None:
        links = [(t.name, parent) for t in registry.all_tables() for parent in t.foreign_keys.values()]

        found = arrange(registry.names(), links)

        assert set(found.boxes) == set(registry.names())
        for one, other in combinations(found.boxes.values(), 2):
            assert abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT
        for table, parent in links:
            assert table == parent or found.boxes[table].x > found.boxes[parent].x
        assert all(box.x + WIDTH <= found.width for box in found.boxes.values())
        assert all(box.y + HEIGHT <= found.height for box in found.boxes.values())

    def test_lines_end_at_their_tables(self) -> None:
        found = arrange(["a", "b", "c"], [("b", "a"), ("c", "b"), ("c", "a"), ("c", "c")])

        assert set(found.lines) == {("b", "a"), ("c", "b"), ("c", "a")}
        for (table, parent), line in found.lines.items():
            numbers = [int(n) for n in re.findall(r"-?\d+", line)]
            assert numbers[:2] == [found.boxes[table].x, found.boxes[table].middle]
            assert numbers[-2:] == [found.boxes[parent].x + WIDTH, found.boxes[parent].middle]

    def test_nothing_is_no_trouble(self) -> None:
        assert arrange([], []).boxes == {}
        assert set(arrange(["a", "b"], []).boxes) == {"a", "b"}
        assert diagram_layout.arrange(["a"], [("a", "a")]).lines == {}
