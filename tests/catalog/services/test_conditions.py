from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Model

from accesscontrol.errors import InvalidInput
from catalog.services import conditions, queries
from catalog.table import Table
from tests.catalog.services import builders, where_language
from tests.catalog.services.builders import AUDIT_LOGS, AUTHORS, BOOKS, CHARACTERS, EVENTS, GOALS, SQL_TEXTS

TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "100%",
    "a_b",
    "axb",
    "back\\slash",
    "naïve",
    "日本",
    "line\nbreak",
    "it's",
    None,
]
MOMENTS = ["1815-12-16T00:00:00Z", "1815-12-16T00:00:00.000001Z", "2026-11-22T20:15:00.123456+02:00", None]
DAYS = ["1815-12-16", "2024-02-29", "2026-11-22", "0001-01-01", "9999-12-31", None]
NUMBERS = ["0", "-0.000001", "0.000001", "12345678901234.123456", "-99999999999999.999999", "1.5", None]
DOCUMENTS: list[Any] = [
    {}, [], "text", 0, 1, 1.5, True, False, {"a": 1}, {"a": 1, "b": [1, 2]}, {"a": {"b": None}}, [1, 2], ["a"],
]  # fmt: skip
LISTS = [[], ["a"], ["a", "b"], ["b", "a"], ["a", "a"], ["a,b"], ['"{}"'], [""], None]

KINDS: dict[str, tuple[Table, str, list[Any], Callable[..., Model]]] = {
    "text": (BOOKS, "genre", TEXTS, builders.book),
    "integer": (BOOKS, "word_count", [0, 1, 2, 5, 2**31 - 1, None], builders.book),
    "timestamptz": (BOOKS, "published_at", MOMENTS, builders.book),
    "date": (GOALS, "starts_on", DAYS, builders.goal),
    "numeric": (EVENTS, "position", NUMBERS, builders.event),
    "boolean": (GOALS, "is_active", [True, False], builders.goal),
    "text[]": (CHARACTERS, "aliases", LISTS, builders.character),
    "jsonb": (CHARACTERS, "attributes", DOCUMENTS, builders.character),
}
EQUALITY = ["$eq", "$ne", "$null"]
MEMBERSHIP = ["$in", "$nin"]
ORDER = ["$gt", "$gte", "$lt", "$lte", "$between"]
PATTERNS = ["$like", "$ilike"]
OPERATORS = {
    "text": [*EQUALITY, *MEMBERSHIP, *ORDER, *PATTERNS],
    "integer": [*EQUALITY, *MEMBERSHIP, *ORDER],
    "bigint": [*EQUALITY, *MEMBERSHIP, *ORDER],
    "timestamptz": [*EQUALITY, *MEMBERSHIP, *ORDER],
    "date": [*EQUALITY, *MEMBERSHIP, *ORDER],
    "numeric": [*EQUALITY, *MEMBERSHIP, *ORDER],
    "boolean": [*EQUALITY, *MEMBERSHIP],
    "text[]": [*EQUALITY, "$contains"],
    "jsonb": [*EQUALITY, "$contains"],
}
LIKE_PATTERNS = [
    "%", "", "_", "a%", "A%", "%a%", "a\\_b", "a_b", "100\\%", "100%", "back\\\\%", "%\\\\%", "__", "%ï%",
    "%\n%", "日_",
]  # fmt: skip
ALL_OPERATORS = {op for ops in OPERATORS.values() for op in ops}


def dice(seed: str) -> random.Random:
    """Random choices, the same in every run."""
    return random.Random(seed)  # noqa: S311 - nothing is kept secret with them


def operands(operator: str, values: list[Any], kind: str, rng: random.Random) -> list[Any]:
    """What to try an operator with: the values themselves, alone or in lists."""
    solid = [value for value in values if value is not None]
    match operator:
        case "$null":
            return [True, False]
        case "$eq" | "$ne":
            return values
        case "$in" | "$nin":
            return [[], [None], solid[:2], [*solid[1:3], None], solid, solid[:1] * 3]
        case "$between":
            return [[rng.choice(solid), rng.choice(solid)] for _ in range(8)]
        case "$like" | "$ilike":
            return LIKE_PATTERNS
        case "$contains" if kind == "text[]":
            return [*solid, "a", "b", "zzz", ["b", "c"]]
        case "$contains":
            return [*solid, 2, {"b": [2]}, {"a": {}}, ["z"]]
        case _:
            return solid


def found_by(actor: Any, table: Table, where: Any) -> list[int]:
    page = queries.query_records(
        actor=actor, table=table, columns=["id"], where=where, limit=1000, count="none"
    )
    return [record["id"] for record in page.records]


def expected(rows: list[dict[str, Any]], where: dict[str, Any], kinds: dict[str, str]) -> list[int]:
    return [row["id"] for row in rows if where_language.matches(where, row, kinds)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_operator_finds_the_rows_that_python_finds(viewer, kind):
    table, column, values, build = KINDS[kind]
    rows = [
        {"id": build(**{column: value}).pk, column: where_language.read(value, kind)}
        for value in [*values, *values]
    ]

    for operator in OPERATORS[kind]:
        for operand in operands(operator, values, kind, dice(operator)):
            where = {column: {operator: operand}}
            assert found_by(viewer, table, where) == expected(rows, where, {column: kind}), where
            refuted = {"$not": where}
            assert found_by(viewer, table, refuted) == expected(rows, refuted, {column: kind}), refuted


def test_an_operator_on_a_foreign_key_finds_the_rows_that_python_finds(viewer):
    parents = [builders.series().pk for _ in range(4)]
    writer = builders.author()
    values = [*parents[:3], None]
    rows = [
        {"id": builders.book(author=writer, series_id=value).pk, "series_id": value}
        for value in [*values, *values]
    ]

    for operator in OPERATORS["bigint"]:
        for operand in operands(operator, [*parents, None], "bigint", dice(operator)):
            for where in ({"series_id": {operator: operand}}, {"$not": {"series_id": {operator: operand}}}):
                assert found_by(viewer, BOOKS, where) == expected(rows, where, {"series_id": "bigint"}), where


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "jsonb"])
def test_a_bare_value_means_equality_and_null_means_is_null(viewer, kind):
    table, column, values, build = KINDS[kind]
    ids = {repr(value): build(**{column: value}).pk for value in values}

    for value in values:
        if value is not None or None in values:
            assert found_by(viewer, table, {column: value}) == [ids[repr(value)]]


class TestNestedConditions:
    """A few hundred random ones, each against the same filter in Python."""

    KINDS = {
        "genre": "text",
        "title": "text",
        "word_count": "integer",
        "series_id": "bigint",
        "published_at": "timestamptz",
        "age": "integer",
        "role": "text",
        "aliases": "text[]",
        "attributes": "jsonb",
        "starts_on": "date",
        "is_active": "boolean",
        "target": "integer",
    }

    def condition(self, rng: random.Random, pools: dict[str, list[Any]], depth: int) -> dict[str, Any]:
        where: dict[str, Any] = {}
        for _ in range(rng.randint(1, 3)):
            choice = rng.random()
            if depth and choice < 0.2:
                where["$not"] = self.condition(rng, pools, depth - 1)
            elif depth and choice < 0.6:
                parts = [self.condition(rng, pools, depth - 1) for _ in range(rng.randint(1, 3))]
                where[rng.choice(["$and", "$or"])] = parts
            else:
                column = rng.choice(list(pools))
                where[column] = self.operators(rng, column, pools[column])
        return where

    def operators(self, rng: random.Random, column: str, pool: list[Any]) -> Any:
        kind = self.KINDS[column]
        if rng.random() < 0.15 and kind != "jsonb":
            return rng.choice(pool)
        chosen = rng.sample(OPERATORS[kind], rng.choice([1, 1, 2]))
        return {name: rng.choice(operands(name, pool, kind, rng)) for name in chosen}

    def check(
        self, actor: Any, table: Table, rows: list[dict[str, Any]], pools: dict[str, list[Any]], seed: str
    ):
        rng = dice(seed)
        kinds = {name: self.KINDS[name] for name in pools}
        counts = set()
        for _ in range(150):
            where = self.condition(rng, pools, depth=3)
            wanted = expected(rows, where, kinds)
            assert found_by(actor, table, where) == wanted, where
            counts.add(len(wanted))
        assert len(counts) > 10, "the conditions must tell rows apart"

    def test_on_books_agree_with_python(self, viewer):
        rng = dice("books")
        writer = builders.author()
        parents = [builders.series().pk for _ in range(3)]
        pools = {
            "genre": TEXTS,
            "title": ["a", "b", "A"],
            "word_count": [0, 1, 2, 5, None],
            "series_id": [*parents, None],
            "published_at": MOMENTS,
        }
        rows = []
        for _ in range(40):
            values = {name: rng.choice(pool) for name, pool in pools.items()}
            row = {name: where_language.read(value, self.KINDS[name]) for name, value in values.items()}
            rows.append({"id": builders.book(author=writer, **values).pk, **row})

        self.check(viewer, BOOKS, rows, pools, "nested books")

    def test_on_characters_agree_with_python(self, viewer):
        rng = dice("characters")
        pools = {"role": TEXTS, "age": [0, 1, 99, None], "aliases": LISTS, "attributes": DOCUMENTS}
        rows = []
        for _ in range(40):
            values = {name: rng.choice(pool) for name, pool in pools.items()}
            rows.append({"id": builders.character(**values).pk, **values})

        self.check(viewer, CHARACTERS, rows, pools, "nested characters")

    def test_on_goals_agree_with_python(self, viewer):
        rng = dice("goals")
        pools = {"starts_on": DAYS, "is_active": [True, False], "target": [1, 2, 3]}
        rows = []
        for _ in range(40):
            values = {name: rng.choice(pool) for name, pool in pools.items()}
            row = {name: where_language.read(value, self.KINDS[name]) for name, value in values.items()}
            rows.append({"id": builders.goal(**values).pk, **row})

        self.check(viewer, GOALS, rows, pools, "nested goals")


class TestValues:
    @pytest.mark.parametrize(
        ("value", "others"),
        [
            (datetime(2026, 11, 22, 20, 15, tzinfo=UTC), ["2026-11-22T20:15:00Z", "2026-11-22 22:15+02:00"]),
            (datetime(2026, 11, 22, tzinfo=UTC), ["2026-11-22", "2026-11-22T00:00", date(2026, 11, 22)]),
        ],
    )
    def test_a_time_is_found_however_it_is_written(self, viewer, value, others):
        key = builders.book(published_at=value).pk

        for spelling in [value, *others]:
            assert found_by(viewer, BOOKS, {"published_at": spelling}) == [key]

    @pytest.mark.parametrize("spelling", [1.5, "1.5", "1.500000", Decimal("1.5"), "1.50"])
    def test_a_number_is_found_however_it_is_written(self, viewer, spelling):
        key = builders.event(position="1.5").pk

        assert found_by(viewer, EVENTS, {"position": spelling}) == [key]

    @pytest.mark.parametrize("value", [10**30, "0.0000001", 1e308, 10**4000, Decimal("1e-50")])
    def test_a_number_that_the_column_can_not_hold_may_be_compared_with(self, viewer, value):
        key = builders.event(position="1.5").pk

        assert found_by(viewer, EVENTS, {"position": value}) == []
        assert found_by(viewer, EVENTS, {"position": {"$ne": value}}) == [key]

    @pytest.mark.parametrize("value", [Decimal("1e999999"), Decimal("-1e200000"), Decimal("1e-999999")])
    def test_a_number_beyond_what_postgresql_knows_is_refused(self, viewer, value):
        with pytest.raises(InvalidInput) as refusal:
            found_by(viewer, EVENTS, {"position": {"$lt": value}})

        assert refusal.value.details["column"] == "position"

    def test_a_text_longer_than_the_column_takes_may_be_compared_with(self, viewer):
        assert found_by(viewer, AUTHORS, {"name": "x" * 501}) == []

    def test_an_object_on_jsonb_is_a_value_unless_it_has_operators(self, viewer):
        red = builders.character(attributes={"colour": "red", "size": 3}).pk
        empty = builders.character(attributes={}).pk

        assert found_by(viewer, CHARACTERS, {"attributes": {"size": 3, "colour": "red"}}) == [red]
        assert found_by(viewer, CHARACTERS, {"attributes": {"colour": "red"}}) == []
        assert found_by(viewer, CHARACTERS, {"attributes": {}}) == [empty]
        assert found_by(viewer, CHARACTERS, {"attributes": {"$contains": {"colour": "red"}}}) == [red]
        assert found_by(viewer, CHARACTERS, {"attributes": {"$eq": {"$gt": 1}}}) == []

    def test_null_in_a_nullable_jsonb_column_is_sql_null(self, admin):
        builders.author()
        found_by(admin, AUTHORS, None)  # a read leaves `changes` NULL

        assert len(found_by(admin, AUDIT_LOGS, {"changes": None})) >= 1
        assert found_by(admin, AUDIT_LOGS, {"changes": {"$null": False}}) == []

    @pytest.mark.parametrize("text", SQL_TEXTS)
    def test_sql_in_a_text_is_data(self, viewer, text):
        key = builders.author(name=text, bio=text).pk
        builders.author(name="another")
        literal = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

        for condition in (
            text,
            {"$in": [text]},
            {"$like": literal},
            {"$ilike": literal},
            {"$between": [text, text]},
        ):
            assert found_by(viewer, AUTHORS, {"name": condition}) == [key]
        assert found_by(viewer, AUTHORS, {"name": text, "bio": {"$ne": text}}) == []

    @pytest.mark.parametrize("text", SQL_TEXTS)
    def test_sql_in_lists_and_documents_is_data(self, viewer, text):
        key = builders.character(aliases=[text], attributes={text: text}).pk

        assert found_by(viewer, CHARACTERS, {"aliases": {"$contains": text}}) == [key]
        assert found_by(viewer, CHARACTERS, {"aliases": [text]}) == [key]
        assert found_by(viewer, CHARACTERS, {"attributes": {"$eq": {text: text}}}) == [key]
        assert found_by(viewer, CHARACTERS, {"attributes": {"$contains": {text: text}}}) == [key]


def refused(table: Table, where: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        conditions.parse(table, where)
    return refusal.value


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "title__contains", "author__name", "pk", "author", "series__title__startswith", "chapters", "id__in",
            "TITLE", "title ", "books.title", '"title"', "title; --", "", "*", "deleted_at__isnull", "_state",
        ],
    )  # fmt: skip
    def test_what_is_no_column_is_refused(self, name):
        refusal = refused(BOOKS, {name: 1})

        assert refusal.details["column"] == name
        assert refusal.details["allowed"] == list(BOOKS.columns)
        assert refusal.details["path"] == f"where.{name}"

    @pytest.mark.parametrize(
        ("name", "nearest"),
        [("titel", "title"), ("author", "author_id"), ("wordcount", "word_count"), ("Status", "status")],
    )
    def test_a_misspelt_column_is_met_with_the_nearest(self, name, nearest):
        assert f"Did you mean {nearest}" in refused(BOOKS, {name: 1}).message

    @pytest.mark.parametrize(
        ("operator", "nearest"),
        [("$gtt", "$gt"), ("gte", "$gte"), ("$betwen", "$between"), ("$LIKE", "$like")],
    )
    def test_a_misspelt_operator_is_met_with_the_nearest_and_all_there_are(self, operator, nearest):
        refusal = refused(BOOKS, {"title": {operator: "a"}})

        assert f"Did you mean {nearest}" in refusal.message
        assert refusal.details["path"] == f"where.title.{operator}"
        assert nearest in refusal.details["allowed"]

    @pytest.mark.parametrize(
        ("column", "operator", "proposed"),
        [
            ("title", "$regex", " Did you mean $like or $ilike?"),
            ("word_count", "$regex", ""),
            ("title", "$exists", " Did you mean $null?"),
            ("word_count", "$exists", " Did you mean $null?"),
            ("title", "$all", ""),
        ],
    )
    def test_an_operator_of_another_language_is_met_with_what_says_the_same(self, column, operator, proposed):
        told = refused(BOOKS, {column: {operator: "a"}}).message

        assert f"no operator '{operator}' here.{proposed} Allowed: " in told

    def test_a_connective_of_another_language_is_met_with_what_says_the_same(self):
        assert "Did you mean $not or $or?" in refused(BOOKS, {"$nor": [{"id": 1}]}).message

    @pytest.mark.parametrize(("name", "nearest"), [("$nor", "$or"), ("$an", "$and"), ("$no", "$not")])
    def test_a_misspelt_connective_is_met_with_the_nearest(self, name, nearest):
        refusal = refused(BOOKS, {name: [{"title": "a"}]})

        assert nearest in refusal.message
        assert refusal.details["allowed"] == ["$and", "$or", "$not"]

    @pytest.mark.parametrize("kind", KINDS)
    def test_operators_without_meaning_for_a_column_are_refused(self, kind):
        table, column, values, _ = KINDS[kind]
        for operator in ALL_OPERATORS - set(OPERATORS[kind]):
            refusal = refused(table, {column: {operator: values[0]}})
            assert set(refusal.details["allowed"]) == set(OPERATORS[kind])

    def test_an_operator_of_ten_megabytes_is_refused_in_few_words(self):
        assert len(str(refused(BOOKS, {"title": {"$" + "x" * 10_000_000: 1}}).as_dict())) < 5_000


class TestShapes:
    @pytest.mark.parametrize("where", [[], [{"title": "a"}], "title = 'a'", 1, True, ()])
    def test_what_is_no_object_is_refused(self, where):
        refused(BOOKS, where)

    @pytest.mark.parametrize(
        ("where", "path"),
        [
            ({"$and": []}, "where.$and"),
            ({"$or": {}}, "where.$or"),
            ({"$or": {"title": "a"}}, "where.$or"),
            ({"$or": [{"title": "a"}, {}]}, "where.$or[1]"),
            ({"$or": ["title"]}, "where.$or[0]"),
            ({"$and": [{"$or": [None]}]}, "where.$and[0].$or[0]"),
            ({"$not": {}}, "where.$not"),
            ({"$not": [{"title": "a"}]}, "where.$not"),
            ({"title": {}}, "where.title"),
            ({"$not": {"title": {}}}, "where.$not.title"),
            ({"$or": [{"id": 1}, {"titel": "x"}]}, "where.$or[1].titel"),
            ({"$or": [{"id": 1}, {"word_count": {"$gt": "5"}}]}, "where.$or[1].word_count.$gt"),
            ({"id": {"$in": 5}}, "where.id.$in"),
            ({"id": {"$in": "5"}}, "where.id.$in"),
            ({"id": {"$in": {"5": 5}}}, "where.id.$in"),
            ({"id": {"$in": [1, "2"]}}, "where.id.$in"),
            ({"id": {"$between": [1]}}, "where.id.$between"),
            ({"id": {"$between": [1, 2, 3]}}, "where.id.$between"),
            ({"id": {"$between": [None, 3]}}, "where.id.$between"),
            ({"id": {"$between": {"from": 1, "to": 2}}}, "where.id.$between"),
            ({"id": {"$gt": None}}, "where.id.$gt"),
            ({"title": {"$like": None}}, "where.title.$like"),
            ({"title": {"$like": 5}}, "where.title.$like"),
            ({"title": {"$like": "half\\"}}, "where.title.$like"),
            ({"title": {"$ilike": "half\\\\\\"}}, "where.title.$ilike"),
            ({"title": {"$like": "nul\x00"}}, "where.title.$like"),
            ({"title": {"$null": None}}, "where.title.$null"),
            ({"title": {"$null": 1}}, "where.title.$null"),
            ({"title": {"$null": "true"}}, "where.title.$null"),
        ],
    )
    def test_a_bad_shape_is_refused_by_its_path(self, where, path):
        assert refused(BOOKS, where).details["path"] == path

    @pytest.mark.parametrize(
        ("table", "where"),
        [
            (BOOKS, {"id": True}),
            (BOOKS, {"id": "5"}),
            (BOOKS, {"id": 5.5}),
            (BOOKS, {"id": "\u0665"}),
            (BOOKS, {"id": 2**63}),
            (BOOKS, {"id": 10**5000}),
            (BOOKS, {"word_count": 2**31}),
            (BOOKS, {"word_count": [1]}),
            (BOOKS, {"author_id": {"$in": [[1]]}}),
            (BOOKS, {"title": 5}),
            (BOOKS, {"title": ["a"]}),
            (BOOKS, {"title": "nul\x00"}),
            (BOOKS, {"title": "\ud800"}),
            (BOOKS, {"status": "drafty"}),
            (BOOKS, {"published_at": "yesterday"}),
            (BOOKS, {"published_at": 0}),
            (BOOKS, {"published_at": "2026-02-30"}),
            (GOALS, {"starts_on": "2026-11-22T00:00:00Z"}),
            (GOALS, {"starts_on": 20261122}),
            (GOALS, {"is_active": 1}),
            (GOALS, {"is_active": "true"}),
            (EVENTS, {"position": "abc"}),
            (EVENTS, {"position": True}),
            (EVENTS, {"position": float("nan")}),
            (EVENTS, {"position": float("inf")}),
            (EVENTS, {"position": "NaN"}),
            (CHARACTERS, {"aliases": [1]}),
            (CHARACTERS, {"aliases": "a"}),
            (CHARACTERS, {"aliases": {"$contains": [None]}}),
            (CHARACTERS, {"aliases": {"$contains": 5}}),
            (CHARACTERS, {"aliases": {"$contains": None}}),
            (CHARACTERS, {"attributes": {"$eq": float("nan")}}),
            (CHARACTERS, {"attributes": {"$contains": {"a": "\x00"}}}),
            (AUDIT_LOGS, {"request_id": "no-uuid"}),
        ],
    )
    def test_a_value_of_the_wrong_kind_is_refused_by_its_column_and_path(self, table, where):
        refusal = refused(table, where)

        column = next(iter(where))
        assert column in refusal.message
        assert refusal.details["path"].startswith(f"where.{column}")

    @pytest.mark.parametrize("key", [1, None, ("title",), b"title", 1.5])
    def test_a_key_that_is_no_text_is_refused(self, viewer, key):
        with pytest.raises(InvalidInput):
            found_by(viewer, BOOKS, {key: 1, "title": "a"})

    @pytest.mark.parametrize("operator", [1, None, ("$eq",)])
    def test_an_operator_that_is_no_text_is_refused(self, viewer, operator):
        with pytest.raises(InvalidInput):
            found_by(viewer, BOOKS, {"title": {operator: 1, "$eq": "a"}})

    @pytest.mark.parametrize("where", [None, {}, [], 0, ""])
    def test_a_write_without_conditions_is_refused(self, where):
        with pytest.raises(InvalidInput, match="must not be empty"):
            conditions.parse_for_write(BOOKS, where)


def nested(levels: int) -> dict[str, Any]:
    where: dict[str, Any] = {"title": "a"}
    for _ in range(levels - 1):
        where = {"$not": where}
    return where


class TestLimits:
    def test_twenty_levels_are_read_and_twenty_one_refused(self, viewer):
        assert found_by(viewer, BOOKS, nested(20)) == []

        with pytest.raises(InvalidInput) as refusal:
            found_by(viewer, BOOKS, nested(21))
        assert refusal.value.details["maximum"] == 20

    def test_a_thousand_levels_are_refused_like_any_others(self, viewer):
        with pytest.raises(InvalidInput) as refusal:
            found_by(viewer, BOOKS, nested(5_000))
        assert refusal.value.details["maximum"] == 20

    def test_two_hundred_conditions_are_read_and_one_more_refused(self, viewer):
        many = [{"id": number} for number in range(199)]
        assert found_by(viewer, BOOKS, {"$or": many, "title": "a"}) == []

        with pytest.raises(InvalidInput) as refusal:
            found_by(viewer, BOOKS, {"$or": many, "title": {"$gt": "a", "$lt": "b"}})
        assert refusal.value.details["maximum"] == 200

    def test_more_values_than_a_statement_has_parameters_are_read(self, viewer):
        author = builders.author()
        missing = {"$in": [author.pk + number for number in range(1, 1_001)]}
        wheres = [{"author_id": missing}] * 33 + [{"id": missing}] * 33 + [{"author_id": author.pk}]
        builders.book(author=author)

        assert len(found_by(viewer, BOOKS, {"$or": wheres})) == 1

    @pytest.mark.parametrize("operator", ["$in", "$nin"])
    def test_a_list_of_a_thousand_values_is_read_and_one_more_refused(self, viewer, operator):
        assert found_by(viewer, BOOKS, {"id": {operator: list(range(1_000))}}) == []

        with pytest.raises(InvalidInput) as refusal:
            found_by(viewer, BOOKS, {"id": {operator: list(range(1_001))}})
        assert refusal.value.details["path"] == f"where.id.{operator}"
