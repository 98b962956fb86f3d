"""The corpus: what is sent to which tool, and what must come of it.

A case's name says both: `db_insert_record/books.word_count/arabic-digits`. What is expected is the code of
the refusal, ANSWERED, or Kept: stored, and read back as it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.corpus import hostile
from tests.corpus.hostile import GREAT, KEPT, NO_IDENTIFIERS, NO_NAMES, WRONG, nested

INVALID = "VALIDATION_ERROR"
ANSWERED = None
UNKNOWN_CHANGE = "00000000-0000-4000-8000-000000000000"
UNKNOWN_BACKUP = "backup_20010101T000000Z.sql.gz"
MEGABYTES = "é" * 5_000_000  # ten of them in UTF-8


@dataclass(frozen=True)
class Kept:
    """Stored in a column of a table, and read back as `value`."""

    table: str
    column: str
    value: Any


Expected = str | Kept | None


@dataclass(frozen=True)
class Case:
    """One call."""

    name: str
    tool: str
    arguments: Mapping[str, Any]
    expected: Expected = INVALID
    value: str = ""  # the name of what is sent, where it is sent to many places of one tool

    @property
    def place(self) -> str:
        """Where it is sent to."""
        return self.name.rpartition("/")[0]

    @property
    def alike(self) -> str:
        """What it has in common with cases that the same code decides: they differ in the place, or in the tool."""
        return self.value or self.name.partition("/")[2]


CALLS: dict[str, dict[str, Any]] = {
    "db_list_tables": {},
    "db_get_schema": {"table": "books"},
    "db_list_table_columns": {"table": "books"},
    "db_get_relationships": {"table": "books"},
    "db_query_records": {"table": "books", "where": {"id": 1}},
    "db_insert_record": {"table": "authors", "data": {"name": "An author"}},
    "db_update_records": {"table": "books", "data": {"description": "x"}, "where": {"id": 1}},
    "db_delete_records": {"table": "books", "where": {"id": 2}},
    "db_restore_records": {"table": "books", "where": {"id": 3}},
    "db_purge_records": {"table": "books", "where": {"id": 3}},
    "db_batch_insert": {"table": "authors", "records": [{"name": "One"}, {"name": "Two"}]},
    "db_batch_update": {
        "table": "books",
        "updates": [{"where": {"id": 1}, "data": {"description": "y"}}],
    },
    "db_batch_delete": {"table": "books", "conditions": [{"id": 2}]},
    "db_undo_change": {"change_id": UNKNOWN_CHANGE},
    "db_export_json": {"table": "books"},
    "db_export_csv": {"table": "books"},
    "db_import_json": {"table": "authors", "data": [{"name": "An author"}], "dry_run": True},
    "db_import_csv": {"table": "authors", "data": "name\nAn author\n", "dry_run": True},
    "db_list_backups": {},
    "db_backup_full": {},
    "db_backup_incremental": {},
    "db_backup_table": {"table": "books"},
    "db_validate_backup": {"backup_file": UNKNOWN_BACKUP},
    "db_restore_full": {"backup_file": UNKNOWN_BACKUP},
    "db_restore_table": {"table": "books", "backup_file": UNKNOWN_BACKUP},
    "db_delete_backup": {"backup_file": UNKNOWN_BACKUP},
    "db_query_audit_logs": {},
    "db_get_audit_summary": {},
}
"""Every tool with a call that is right; a case differs from it in one place."""

OF_BACKUPS = ("db_validate_backup", "db_restore_full", "db_restore_table", "db_delete_backup")
NOT_THERE = {"db_undo_change", *OF_BACKUPS}
"""The calls that are right, of what there is not."""

TERMS = {"dry_run": "boolean", "max_affected": "number", "idempotency_key": "text"}
EXPORT = {
    "table": "name", "columns": "names", "where": "object", "limit": "number", "include_deleted": "boolean",
}  # fmt: skip
IMPORT = {
    "table": "name", "file_name": "text", "on_conflict": "word", "dry_run": "boolean", "plan_token": "text",
}  # fmt: skip
ARGUMENTS: dict[str, dict[str, str]] = {
    "db_list_tables": {"include_system_tables": "boolean", "pattern": "text"},
    "db_get_schema": {"table": "name", "refresh_cache": "boolean"},
    "db_list_table_columns": {"table": "name", "include_metadata": "boolean"},
    "db_get_relationships": {"table": "name", "depth": "number"},
    "db_query_records": {
        "table": "name", "columns": "names", "where": "object", "order_by": "objects", "limit": "number",
        "offset": "number", "cursor": "text", "include_deleted": "boolean", "count": "word", "group_by": "names",
        "aggregate": "object", "expand": "names",
    },
    "db_insert_record": {"table": "name", "data": "object", **TERMS},
    "db_update_records": {"table": "name", "data": "object", "where": "object", **TERMS},
    "db_delete_records": {"table": "name", "where": "object", "soft_delete": "boolean", **TERMS},
    "db_restore_records": {"table": "name", "where": "object", **TERMS},
    "db_purge_records": {"table": "name", "where": "object", **TERMS},
    "db_batch_insert": {"table": "name", "records": "objects", "return_records": "boolean", **TERMS},
    "db_batch_update": {"table": "name", "updates": "objects", "return_records": "boolean", **TERMS},
    "db_batch_delete": {"table": "name", "conditions": "objects", "soft_delete": "boolean", **TERMS},
    "db_undo_change": {"change_id": "text", "return_records": "boolean", **TERMS},
    "db_export_json": {**EXPORT, "pretty": "boolean"},
    "db_export_csv": {**EXPORT, "delimiter": "text", "include_headers": "boolean", "escape_formulas": "boolean"},
    "db_import_json": {**IMPORT, "data": "records"},
    "db_import_csv": {**IMPORT, "data": "text", "has_headers": "boolean", "delimiter": "text"},
    "db_list_backups": {"type": "word", "sort_by": "word", "limit": "number"},
    "db_backup_full": {"compress": "boolean", "include_schema": "boolean"},
    "db_backup_incremental": {"base_backup": "text", "compress": "boolean"},
    "db_backup_table": {
        "table": "name", "data_only": "boolean", "schema_only": "boolean", "compress": "boolean",
    },
    "db_validate_backup": {"backup_file": "text", "deep": "boolean"},
    "db_restore_full": {
        "backup_file": "text", "drop_existing": "boolean", "on_conflict": "word", "dry_run": "boolean",
        "plan_token": "text",
    },
    "db_restore_table": {
        "table": "name", "backup_file": "text", "on_conflict": "word", "dry_run": "boolean", "plan_token": "text",
    },
    "db_delete_backup": {"backup_file": "text", "chain": "boolean", "plan_token": "text"},
    "db_query_audit_logs": {
        "start_date": "moment", "end_date": "moment", "table": "name", "operation": "word", "user_id": "text",
        "success": "boolean", "limit": "number", "offset": "number", "cursor": "text",
    },
    "db_get_audit_summary": {"start_date": "moment", "end_date": "moment", "table": "name"},
}  # fmt: skip
"""Every argument of every tool, and what it is: a new one has its line here, or a test fails."""

WRONG_ARGUMENTS: dict[str, dict[str, Any]] = {
    "boolean": WRONG["boolean"],
    "number": {
        **{name: value for name, value in WRONG["integer"].items() if name not in ("2^31", "2^53")},
        "minus-one": -1,
    },
    "text": {
        "integer": 5,
        "boolean": True,
        "float": 1.5,
        "list": ["a"],
        "object": {"a": "b"},
        "great": GREAT,
    },
    "word": {**NO_IDENTIFIERS, "empty": "", "sql": "exact; --", "nul": "\x00", "full-width": "\uff31UERY"},
    "name": NO_IDENTIFIERS,
    "names": {
        **{name: value for name, value in NO_IDENTIFIERS.items() if name != "list"},
        "text": "id",
        "of-integers": [1],
        "of-lists": [["id"]],
        "of-null": [None],
        "great": GREAT,
    },
    "object": {
        "integer": 5,
        "boolean": True,
        "text": "{}",
        "list": [["id", 1]],
        "float": 1.5,
        "great": GREAT,
    },
    "objects": {
        "integer": 5,
        "boolean": False,
        "text": "[]",
        "object": {"0": {}},
        "of-integers": [1],
        "of-lists": [[["id", 1]]],
        "of-null": [None],
        "deep": nested(900),
        "great": GREAT,
    },
    "records": {
        "integer": 5,
        "boolean": True,
        "object": {"name": "x"},
        "text": "name",
        "of-integers": [1],
        "of-null": [None],
        "of-lists": [[["name", "x"]]],
        "great": GREAT,
    },
    "moment": WRONG["moment"],
}

WHERE = (
    ("db_query_records", ("where",)),
    ("db_update_records", ("where",)),
    ("db_delete_records", ("where",)),
    ("db_restore_records", ("where",)),
    ("db_purge_records", ("where",)),
    ("db_batch_update", ("updates", 0, "where")),
    ("db_batch_delete", ("conditions", 0)),
)
"""Where a `where` stands."""

DATA = (
    ("db_insert_record", ("data",)),
    ("db_update_records", ("data",)),
    ("db_batch_insert", ("records", 1)),
    ("db_batch_update", ("updates", 0, "data")),
)
"""Where data stand."""

COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "integer": (("books", "word_count"), ("books", "author_id")),
    "boolean": (("writing_goals", "is_active"),),
    "text": (("books", "title"), ("books", "status")),
    "date": (("writing_sessions", "session_date"),),
    "moment": (("books", "published_at"),),
    "decimal": (("timeline_events", "position"),),
    "list": (("characters", "aliases"),),
    "json": (("characters", "attributes"),),
}
"""A column or two of each kind."""

RECORDS: dict[str, dict[str, Any]] = {
    "authors": {"name": "An author"},
    "books": {"title": "A book", "author_id": 1},
    "characters": {"name": "Somebody"},
    "timeline_events": {"title": "Something"},
    "writing_goals": {"goal_type": "words", "target": 5},
    "writing_sessions": {"session_date": "2026-11-22"},
    "exports": {"format": "json"},
}
"""What a record of each table must have. Each table has a record 1."""


def put(arguments: Mapping[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """Return arguments with one place changed."""
    changed = deepcopy(dict(arguments))
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


def writing(tool: str, table: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by which a tool of DATA writes to record 1, or a new one with all it must have."""
    whole = {**RECORDS[table], **data}
    return {
        "db_insert_record": {"table": table, "data": whole},
        "db_update_records": {"table": table, "data": data, "where": {"id": 1}},
        "db_batch_insert": {"table": table, "records": [RECORDS[table], whole]},
        "db_batch_update": {"table": table, "updates": [{"where": {"id": 1}, "data": data}]},
    }[tool]


def table_names() -> Iterator[Case]:
    """Names that are no table's, wherever a table is named."""
    for tool, arguments in ARGUMENTS.items():
        if "table" not in arguments:
            continue
        for name, value in NO_NAMES.items():
            if tool in ("db_query_audit_logs", "db_get_audit_summary") and value in _POSSIBLE_NAMES:
                continue  # there a name filters, and may be of a table that is gone
            yield Case(f"{tool}/table/{name}", tool, put(CALLS[tool], ("table",), value))


_POSSIBLE_NAMES = {
    "a" * 63,
    "null",
    "__class__",
    "pk",
    "ctid",
    "xmin",
    "author__user__password",
    "authors__id",
}


def column_names() -> Iterator[Case]:
    """Names that are no column's, wherever a column is named."""
    query = {"table": "authors"}
    places: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
        "columns": ("db_query_records", lambda n: {**query, "columns": ["id", n]}),
        "order_by": ("db_query_records", lambda n: {**query, "order_by": [{"column": n}]}),
        "group_by": ("db_query_records", lambda n: {**query, "group_by": [n]}),
        "expand": ("db_query_records", lambda n: {**query, "expand": [n]}),
        "aggregate": (
            "db_query_records",
            lambda n: {**query, "aggregate": {"a": {"fn": "min", "column": n}}},
        ),
        "fn": ("db_query_records", lambda n: {**query, "aggregate": {"a": {"fn": n, "column": "id"}}}),
        "direction": (
            "db_query_records",
            lambda n: {**query, "order_by": [{"column": "id", "direction": n}]},
        ),
        "operator": ("db_query_records", lambda n: {**query, "where": {"id": {n: 1}}}),
        "connective": ("db_query_records", lambda n: {**query, "where": {f"${n}": [{"id": 1}]}}),
    }
    for place, (tool, build) in places.items():
        for name, value in NO_NAMES.items():
            yield Case(f"{tool}/{place}/{name}", tool, build(value), value=name)
    for tool, path in WHERE:
        for name, value in NO_NAMES.items():
            yield Case(f"{tool}/where-key/{name}", tool, put(CALLS[tool], path, {value: 1}), value=name)
    for tool, _ in DATA:
        for name, value in NO_NAMES.items():
            yield Case(f"{tool}/data/{name}", tool, writing(tool, "authors", {value: "x"}), value=name)


def arguments() -> Iterator[Case]:
    """Arguments of the wrong type, unknown ones, and ones given twice."""
    for tool, known in ARGUMENTS.items():
        call = CALLS[tool]
        for argument, kind in known.items():
            for name, value in WRONG_ARGUMENTS[kind].items():
                yield Case(f"{tool}/{argument}/{name}", tool, put(call, (argument,), value))
            if "_" in argument and argument in call | _SAMPLES:
                camel = "".join(
                    part.capitalize() if n else part for n, part in enumerate(argument.split("_"))
                )
                value = (call | _SAMPLES)[argument]
                yield Case(f"{tool}/{argument}/twice", tool, {**call, argument: value, camel: value}, INVALID)
        for name, text in {**NO_NAMES, "sql": "sql", "query": "query", "actor": "actor"}.items():
            yield Case(f"{tool}/unknown/{name}", tool, {**call, text: 1})


_SAMPLES = {
    "include_system_tables": True, "refresh_cache": True, "include_metadata": True, "include_deleted": True,
    "order_by": [{"column": "id"}], "group_by": ["status"], "dry_run": True, "max_affected": 5,
    "idempotency_key": "k", "soft_delete": True, "return_records": True, "start_date": "2026-01-01",
    "end_date": "2026-01-01", "user_id": "ada", "include_schema": True, "data_only": True, "schema_only": True,
    "drop_existing": True, "on_conflict": "skip", "include_headers": True, "escape_formulas": True,
    "has_headers": True, "file_name": "f", "sort_by": "size", "plan_token": "t",
}  # fmt: skip


def data_values() -> Iterator[Case]:
    """Values that a column does not take, in each tool that writes."""
    for kind, columns in COLUMNS.items():
        for table, column in columns:
            for name, value in WRONG[kind].items():
                code = _CODES.get((column, name), INVALID)
                for tool, _ in DATA:
                    yield Case(
                        f"{tool}/{table}.{column}/{name}", tool, writing(tool, table, {column: value}), code
                    )
    for tool, _ in DATA:
        for table, record in RECORDS.items():
            for column in record:
                data = writing(tool, table, {column: None})
                yield Case(f"{tool}/{table}.{column}/null", tool, data, "NOT_NULL_VIOLATION")
        for column in ("created_at", "updated_at", "deleted_at"):
            data = writing(tool, "books", {column: "2026-01-01"})
            yield Case(f"{tool}/books.{column}/kept-by-the-database", tool, data)
        for name, key in {
            "zero": 0,
            "minus-one": -1,
            "2^53": 2**53,
            "text": "1",
            "true": True,
            "great": GREAT,
        }.items():
            yield Case(f"{tool}/books.id/{name}", tool, writing(tool, "books", {"id": key}))


_CODES = {
    ("author_id", "2^31"): "FOREIGN_KEY_VIOLATION", ("author_id", "-2^31-1"): "FOREIGN_KEY_VIOLATION",
    ("author_id", "2^53"): "FOREIGN_KEY_VIOLATION",
}  # fmt: skip


def where_values() -> Iterator[Case]:
    """Values that a column does not take, in conditions of each tool that has them."""
    for kind in ("integer", "boolean", "text", "date", "moment", "decimal"):
        (table, column), *_ = COLUMNS[kind]
        operators = ("$eq", "$ne", "$in") if kind == "boolean" else ("$eq", "$ne", "$in", "$gt", "$between")
        for name, value in WRONG[kind].items():
            if (kind, name) in _FINE_IN_CONDITIONS:
                continue
            for operator in operators:
                operand = {"$in": [value], "$between": [value, value]}.get(operator, value)
                arguments = {"table": table, "where": {column: {operator: operand}}}
                yield Case(
                    f"db_query_records/{table}.{column}.{operator}/{name}",
                    "db_query_records",
                    arguments,
                    value=f"{column}/{name}",
                )
    for tool, path in WHERE:
        for name, value in WRONG["integer"].items():
            yield Case(f"{tool}/where.word_count/{name}", tool, put(CALLS[tool], path, {"word_count": value}))
        for name, value in hostile.UNSTORABLE.items():
            for operator in ("$eq", "$like", "$ilike"):
                where = {"title": {operator: value}}
                yield Case(f"{tool}/where.title.{operator}/{name}", tool, put(CALLS[tool], path, where))


_FINE_IN_CONDITIONS = {("decimal", "too-great"), ("decimal", "too-fine"), ("decimal", "1e300"), ("decimal", "1e-300"),
                       ("decimal", "great"), ("decimal", "minus-great"), ("decimal", "5000-digits-text")}  # fmt: skip


def where_forms() -> Iterator[Case]:
    """Conditions that are none."""
    many = {"$and": [{"id": number} for number in range(201)]}
    deep: Any = {"id": 1}
    for _ in range(20):
        deep = {"$not": deep}
    very_deep: Any = {"id": 1}
    for _ in range(900):
        very_deep = {"$and": [very_deep]}
    forms: dict[str, Any] = {
        "not-a-list": {"$or": {"id": 1}},
        "or-empty": {"$or": []},
        "and-null": {"$and": None},
        "or-of-numbers": {"$or": [1, 2]},
        "or-of-empty": {"$or": [{}]},
        "not-list": {"$not": [{"id": 1}]},
        "not-empty": {"$not": {}},
        "not-null": {"$not": None},
        "empty-condition": {"id": {}},
        "list-condition": {"id": [1, 2]},
        "in-text": {"id": {"$in": "1,2"}},
        "in-object": {"id": {"$in": {"a": 1}}},
        "in-nested": {"id": {"$in": [[1]]}},
        "in-1001": {"id": {"$in": list(range(1_001))}},
        "between-one": {"id": {"$between": [1]}},
        "between-three": {"id": {"$between": [1, 2, 3]}},
        "between-null": {"id": {"$between": [None, 1]}},
        "null-text": {"id": {"$null": "true"}},
        "null-one": {"id": {"$null": 1}},
        "greater-than-null": {"id": {"$gt": None}},
        "like-number": {"title": {"$like": 5}},
        "like-half-escape": {"title": {"$like": "a\\"}},
        "like-on-integer": {"id": {"$like": "1%"}},
        "contains-on-text": {"title": {"$contains": "x"}},
        "operator-without-dollar": {"id": {"gt": 1}},
        "operator-in-capitals": {"id": {"$GT": 1}},
        "operator-full-width": {"id": {"\uff04gt": 1}},
        "regex": {"title": {"$regex": ".*"}},
        "where": {"$where": "sleep(60)"},
        "expression": {"$expr": {"$gt": ["id", 1]}},
        "django-lookup": {"title__startswith": "a"},
        "relation": {"author__name": "x"},
        "21-levels": deep,
        "900-levels": very_deep,
        "201-conditions": many,
        "deep-value": {"id": nested(900)},
    }
    for tool, path in WHERE:
        for name, where in forms.items():
            yield Case(f"{tool}/where/{name}", tool, put(CALLS[tool], path, where))
        if tool != "db_query_records":
            yield Case(f"{tool}/where/empty", tool, put(CALLS[tool], path, {}))
            yield Case(f"{tool}/where/of-nulls", tool, put(CALLS[tool], path, None))


def lists() -> Iterator[Case]:
    """Lists that are empty, or longer than a call takes."""
    record, update = {"name": "x"}, {"where": {"id": 1}, "data": {"description": "x"}}
    for tool, argument, item, most in (
        ("db_batch_insert", "records", record, 1_000),
        ("db_batch_update", "updates", update, 100),
        ("db_batch_delete", "conditions", {"id": 2}, 100),
    ):
        for name, value in {"empty": [], "one-more": [item] * (most + 1), "100000": [item] * 100_000}.items():
            yield Case(f"{tool}/{argument}/{name}", tool, put(CALLS[tool], (argument,), value))
        for name, value in {"number": 5, "null": None, "list": [], "text": "x"}.items():
            yield Case(f"{tool}/{argument}/one-is-{name}", tool, put(CALLS[tool], (argument,), [item, value]))
    for name, update in {
        "no-where": {"data": {"title": "x"}},
        "no-data": {"where": {"id": 1}},
        "null-data": {"where": {"id": 1}, "data": None},
        "empty-data": {"where": {"id": 1}, "data": {}},
        "more": {"where": {"id": 1}, "data": {"title": "x"}, "table": "authors"},
    }.items():
        yield Case(
            f"db_batch_update/updates/{name}", "db_batch_update", {"table": "books", "updates": [update]}
        )
    query = {"table": "books"}
    for name, more in {
        "columns-empty": {"columns": []},
        "group-by-empty": {"group_by": []},
        "aggregate-empty": {"aggregate": {}},
        "21-aggregates": {"aggregate": {f"a{number}": {"fn": "count"} for number in range(21)}},
        "aggregate-named-sql": {"aggregate": {'a"; --': {"fn": "count"}}},
        "aggregate-of-nothing": {"aggregate": {"a": {}}},
        "aggregate-sum-of-text": {"aggregate": {"a": {"fn": "sum", "column": "title"}}},
        "aggregate-without-column": {"aggregate": {"a": {"fn": "sum"}}},
        "order-without-column": {"order_by": [{}]},
        "order-with-nulls": {"order_by": [{"column": "id", "nulls": "first"}]},
        "expand-no-key": {"expand": ["title"]},
        "limit-0": {"limit": 0},
        "limit-1001": {"limit": 1_001},
        "offset-2^63": {"offset": 2**63},
        "group-and-columns": {"group_by": ["status"], "columns": ["id"]},
    }.items():
        yield Case(f"db_query_records/{name}", "db_query_records", query | more)
    for tool in ("db_update_records", "db_delete_records", "db_batch_delete", "db_batch_update"):
        for most in (0, 1_001):
            yield Case(f"{tool}/max_affected/{most}", tool, {**CALLS[tool], "max_affected": most})
        yield Case(f"{tool}/idempotency_key/empty", tool, {**CALLS[tool], "idempotency_key": ""})
        yield Case(f"{tool}/idempotency_key/long", tool, {**CALLS[tool], "idempotency_key": "k" * 201})
        for name, text in hostile.UNSTORABLE.items():
            yield Case(f"{tool}/idempotency_key/{name}", tool, {**CALLS[tool], "idempotency_key": text})


def tokens() -> Iterator[Case]:
    """Cursors and change_ids that are none."""
    texts = {**NO_NAMES, **hostile.ODD_TEXTS, "megabytes": MEGABYTES, "base64": "eyJhIjoxfQ", "signed": "a:b:c",
             "signed-zip": ".eJw:1abc:xyz", "pickle": "gASVCgAAAAAAAACMBmVjaG-Ulg", "uuid": UNKNOWN_CHANGE}  # fmt: skip
    for name, text in texts.items():
        yield Case(f"db_query_records/cursor/{name}", "db_query_records", {"table": "books", "cursor": text})
        yield Case(f"db_query_audit_logs/cursor/{name}", "db_query_audit_logs", {"cursor": text})
        code = "NOT_FOUND" if name == "uuid" else INVALID
        yield Case(f"db_undo_change/change_id/{name}", "db_undo_change", {"change_id": text}, code)
    spelled = {
        "nil": "0" * 32,
        "max": "f" * 32,
        "upper": UNKNOWN_CHANGE.upper(),
        "urn": f"urn:uuid:{UNKNOWN_CHANGE}",
    }
    for name, text in {**spelled, "braces": f"{{{UNKNOWN_CHANGE}}}"}.items():
        yield Case(f"db_undo_change/change_id/{name}", "db_undo_change", {"change_id": text}, "NOT_FOUND")


def backup_names() -> Iterator[Case]:
    """Names that are no backup's, wherever one is named."""
    texts = {
        **NO_NAMES, **hostile.SQL, **hostile.ODD_TEXTS, "megabytes": MEGABYTES, "root": "/",
        "parent": f"../{UNKNOWN_BACKUP}",
        "absolute": f"/etc/{UNKNOWN_BACKUP}", "newline": f"{UNKNOWN_BACKUP}\n", "hidden": f".{UNKNOWN_BACKUP}",
        "accounts": "backup_20010101T000000Z.app.sql.gz", "manifest": "backup_20010101T000000Z.manifest.json",
        "month-13": "backup_20011301T000000Z.sql.gz",
    }  # fmt: skip
    for tool in OF_BACKUPS:
        for name, text in texts.items():
            arguments = put(CALLS[tool], ("backup_file",), text)
            yield Case(f"{tool}/name/{name}", tool, arguments, "NOT_FOUND")


def harmless() -> Iterator[Case]:
    """Texts that are legal where they stand, mean nothing to SQL, and write nothing."""
    for name, text in {**hostile.SQL, **hostile.ODD_TEXTS}.items():
        for operator in ("$eq", "$ne", "$gt", "$in"):
            where = {"title": {operator: [text] if operator == "$in" else text}}
            query = {"table": "books", "where": where}
            yield Case(f"db_query_records/title.{operator}/{name}", "db_query_records", query, ANSWERED, name)
        nothing = {"$and": [{"title": text}, {"id": {"$null": True}}]}
        for tool, path in WHERE[1:]:
            yield Case(f"{tool}/title/{name}", tool, put(CALLS[tool], path, nothing), ANSWERED, name)
        half = (len(text) - len(text.rstrip("\\"))) % 2
        like = {"table": "books", "where": {"title": {"$ilike": text}}}
        yield Case(
            f"db_query_records/like/{name}", "db_query_records", like, INVALID if half else ANSWERED, name
        )
        yield Case(
            f"db_list_tables/pattern/{name}",
            "db_list_tables",
            {"pattern": text},
            INVALID if half else ANSWERED,
            name,
        )
        long = len(text) > 150
        user = {"user_id": text}
        yield Case(
            f"db_query_audit_logs/user_id/{name}",
            "db_query_audit_logs",
            user,
            INVALID if long else ANSWERED,
            name,
        )
        tags = {"table": "characters", "where": {"aliases": {"$contains": [text]}}}
        yield Case(f"db_query_records/aliases/{name}", "db_query_records", tags, ANSWERED, name)
        deep = {"table": "characters", "where": {"attributes": {"$contains": {text: [text]}}}}
        yield Case(f"db_query_records/attributes/{name}", "db_query_records", deep, ANSWERED, name)
    for name, value in WRONG["decimal"].items():
        if name in ("too-great", "too-fine", "1e300", "1e-300"):
            query = {"table": "timeline_events", "where": {"position": {"$gt": value}}}
            yield Case(f"db_query_records/position/{name}", "db_query_records", query, ANSWERED)
    for tool, call in CALLS.items():
        camel = {"refreshCache": True} if tool == "db_get_schema" else {}
        if "max_affected" in ARGUMENTS[tool] and tool != "db_undo_change":
            camel = {"dryRun": True, "maxAffected": 5, "idempotencyKey": "k"}
        if tool == "db_query_records":
            camel = {"orderBy": [{"column": "id", "direction": "DESC"}], "includeDeleted": True}
        if camel:
            yield Case(f"{tool}/camel-case", tool, call | camel, ANSWERED)
    megabytes = {"table": "books", "where": {"title": MEGABYTES}}
    yield Case("db_query_records/title/ten-megabytes", "db_query_records", megabytes, ANSWERED)
    edges = {"start_date": "0001-01-01T00:00:00Z", "end_date": "9999-12-31T23:59:59.999999Z"}
    yield Case("db_query_audit_logs/dates/edges", "db_query_audit_logs", edges, ANSWERED)
    yield Case("db_get_audit_summary/dates/edges", "db_get_audit_summary", edges, ANSWERED)
    most = {"table": "books", "offset": 2**63 - 1, "limit": 1_000}
    yield Case("db_query_records/offset/greatest", "db_query_records", most, ANSWERED)
    conditions = {"$or": [{"id": {"$in": list(range(1_000))}}] * 200}
    yield Case(
        "db_query_records/where/most", "db_query_records", {"table": "books", "where": conditions}, ANSWERED
    )


def kept() -> Iterator[Case]:
    """What is legal: stored byte for byte, and read back."""
    places = {
        "integer": ("books", "word_count"),
        "bigint": ("exports", "row_count"),
        "boolean": ("writing_goals", "is_active"),
        "text": ("authors", "bio"),
        "date": ("writing_sessions", "session_date"),
        "list": ("characters", "aliases"),
        "json": ("characters", "attributes"),
    }
    sent = {kind: {name: (value, value) for name, value in values.items()} for kind, values in KEPT.items()}
    sent |= {"moment": hostile.MOMENTS, "decimal": hostile.DECIMALS}
    places |= {"moment": ("books", "published_at"), "decimal": ("timeline_events", "position")}
    for kind, values in sent.items():
        table, column = places[kind]
        for name, (value, back) in values.items():
            for tool, _ in DATA:
                data = writing(tool, table, {column: value})
                yield Case(f"{tool}/{table}.{column}/{name}", tool, data, Kept(table, column, back))
    for tool, _ in DATA:
        data = writing(tool, "authors", {"bio": MEGABYTES})
        yield Case(f"{tool}/authors.bio/ten-megabytes", tool, data, Kept("authors", "bio", MEGABYTES))


GROUPS: dict[str, Callable[[], Iterator[Case]]] = {
    group.__name__: group
    for group in (
        table_names, column_names, arguments, data_values, where_values, where_forms, lists, tokens, backup_names,
        harmless, kept,
    )
}  # fmt: skip

EVERY = 8


def some(cases: Iterable[Case]) -> list[Case]:
    """Of the cases that are alike every eighth, beginning with another each time; and something for each place."""
    alike: dict[str, list[Case]] = {}
    places: dict[str, Case] = {}
    for case in cases:
        alike.setdefault(case.alike, []).append(case)
        places.setdefault(case.place, case)
    chosen = [
        case
        for number, same in enumerate(alike.values())
        for case in same[number % min(EVERY, len(same)) :: EVERY]
    ]
    left_out = places.keys() - {case.place for case in chosen}
    return [*chosen, *(places[place] for place in sorted(left_out))]
