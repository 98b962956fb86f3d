from __future__ import annotations

import pytest

from accesscontrol.errors import InvalidInput
from mcp_bridge.tools.records import InsertRecord, QueryRecords, UpdateRecords
from mcp_bridge.tools.schema import ListTables


def refusal(model, **given):
    with pytest.raises(InvalidInput) as refused:
        model.read(given)
    return refused.value


class TestCamelCase:
    def test_is_read_as_snake_case(self):
        arguments = QueryRecords.read(
            {"table": "books", "orderBy": [{"column": "id"}], "includeDeleted": True, "groupBy": ["status"]}
        )
        assert arguments.include_deleted
        assert arguments.group_by == ["status"]
        assert arguments.order_by[0].column == "id"

    def test_keywords_are_read_in_any_spelling(self):
        arguments = QueryRecords.read(
            {
                "table": "books",
                "order_by": [{"column": "id", "direction": "DESC"}],
                "aggregate": {"nOf": {"fn": "countDistinct", "column": "status"}},
                "count": "EXACT",
            }
        )
        assert arguments.order_by[0].direction == "desc"
        assert arguments.aggregate["nOf"].fn == "count_distinct"
        assert arguments.count == "exact"

    def test_leaves_data_and_where_alone(self):
        where = {"wordCount": {"$gte": 1}}
        arguments = UpdateRecords.read({"table": "books", "where": where, "data": {"bookNumber": 1}})
        assert (arguments.where, arguments.data) == (where, {"bookNumber": 1})

    def test_is_refused_beside_its_twin(self):
        error = refusal(QueryRecords, table="books", order_by=[], orderBy=[])
        assert "order_by is given twice" in error.message


class TestNames:
    def test_an_unknown_one_is_refused_with_the_nearest_and_all_allowed(self):
        error = refusal(QueryRecords, table="books", wehre={})
        assert error.message.startswith(
            "There is no argument 'wehre'. Did you mean where? Allowed: table, columns,"
        )
        assert error.details["argument"] == "wehre"
        assert "group_by" in error.details["allowed"]

    def test_an_unknown_one_in_camel_case_too(self):
        assert "Did you mean order_by?" in refusal(QueryRecords, table="books", orderedBy=[]).message

    def test_an_unknown_member_of_a_term_is_refused(self):
        assert "'colum'" in refusal(QueryRecords, table="books", order_by=[{"colum": "id"}]).message
        assert "'func'" in refusal(QueryRecords, table="books", aggregate={"n": {"func": "count"}}).message

    def test_a_missing_one_is_named(self):
        error = refusal(UpdateRecords, table="books", data={})
        assert (error.message, error.details["argument"]) == ("where is required.", "where")

    def test_every_one_at_fault_is_named_at_once(self):
        error = refusal(QueryRecords, table="books", limit=0, offset=-1)
        assert [problem["argument"] for problem in error.details["problems"]] == ["limit", "offset"]

    def test_a_very_long_one_is_cut(self):
        assert len(refusal(QueryRecords, table="books", **{"x" * 10_000: 1}).message) < 400

    @pytest.mark.parametrize("table", ["book", "Books", "books; --", "b" * 64, "", 5, ["books"], {}])
    def test_a_table_that_is_none_is_refused(self, table):
        assert refusal(QueryRecords, table=table).code == "VALIDATION_ERROR"

    def test_a_mistyped_table_is_answered_with_the_nearest(self):
        assert "Did you mean books?" in refusal(QueryRecords, table="book").message


class TestTypes:
    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            ("limit", "5"),
            ("limit", 5.0),
            ("limit", True),
            ("limit", 0),
            ("limit", 1_001),
            ("offset", -1),
            ("offset", 2**63),
            ("columns", "id"),
            ("columns", []),
            ("columns", [1]),
            ("where", "id = 1"),
            ("where", []),
            ("include_deleted", "true"),
            ("include_deleted", 1),
            ("count", "all"),
            ("order_by", "id"),
            ("order_by", [{"column": 5}]),
            ("order_by", [{"column": "id", "direction": "up"}]),
            ("order_by", ["id"]),
            ("aggregate", {"n": {"fn": "median", "column": "id"}}),
            ("aggregate", {"n": "count"}),
            ("aggregate", {}),
            ("group_by", []),
            ("expand", "author_id"),
        ],
    )
    def test_are_taken_as_they_are(self, argument, value):
        error = refusal(QueryRecords, table="books", **{argument: value})
        assert error.details["argument"].startswith(argument)
        assert error.message.startswith(argument)

    def test_null_stands_for_the_default(self):
        arguments = QueryRecords.read(dict.fromkeys(QueryRecords.model_fields) | {"table": "books"})
        assert arguments == QueryRecords.read({"table": "books"})

    def test_null_does_not_stand_for_what_is_required(self):
        assert refusal(InsertRecord, table="books", data=None).message == "data is required."

    def test_values_are_never_repeated(self):
        assert "hunter2" not in str(refusal(ListTables, pattern=["hunter2"]).as_dict())
