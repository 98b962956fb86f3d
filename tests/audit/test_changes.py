"""What the trail keeps of a change: every difference, and never more than a row may hold."""

from __future__ import annotations

import json

import pytest

from audit import changes

LONG = "x" * 2_001


class TestDiff:
    def test_has_what_differs_and_nothing_else(self) -> None:
        before = {"id": 1, "title": "Old", "genre": None, "word_count": 3}
        after = {"id": 1, "title": "New", "genre": "satire", "word_count": 3}

        assert changes.diff(before, after) == {
            "title": {"old": "Old", "new": "New"},
            "genre": {"old": None, "new": "satire"},
        }

    def test_of_a_new_record_has_what_is_set_and_of_a_deleted_one_what_was(self) -> None:
        record = {"id": 1, "title": "T", "genre": None}

        assert changes.diff(None, record) == {
            "id": {"old": None, "new": 1},
            "title": {"old": None, "new": "T"},
        }
        assert changes.diff(record, None) == {
            "id": {"old": 1, "new": None},
            "title": {"old": "T", "new": None},
        }

    def test_leaves_out_what_it_is_told_to(self) -> None:
        assert changes.diff({"updated_at": 1, "a": 1}, {"updated_at": 2, "a": 2}, besides=["updated_at"]) == {
            "a": {"old": 1, "new": 2}
        }

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ({"a": 1}, {"a": True}),
            ({"a": [0]}, {"a": [False]}),
            ({"a": 1}, {"a": 1.0}),
            (["a", "b"], ["b", "a"]),
        ],
    )
    def test_tells_json_values_apart_that_python_takes_for_equal(self, old: object, new: object) -> None:
        assert changes.diff({"attributes": old}, {"attributes": new}) == {
            "attributes": {"old": old, "new": new}
        }

    def test_takes_json_objects_with_other_order_for_equal(self) -> None:
        assert changes.diff({"rules": {"a": 1, "b": 2}}, {"rules": {"b": 2, "a": 1}}) == {}

    def test_keeps_the_start_and_the_length_of_a_long_text(self) -> None:
        assert changes.diff({"content": LONG[:-1]}, {"content": LONG}) == {
            "content": {"old": LONG[:-1], "new": {"cut": True, "length": 2_001, "start": LONG[:-1]}}
        }

    def test_keeps_the_start_of_a_long_list_or_object(self) -> None:
        found = changes.diff(None, {"aliases": [LONG], "attributes": {"ä": LONG}})

        assert found["aliases"]["new"] == {"cut": True, "length": 2_005, "start": f'["{LONG}'[:2_000]}
        assert found["attributes"]["new"]["start"].startswith('{"ä": "xxx')


class TestListing:
    def test_of_nothing_is_nothing(self) -> None:
        assert changes.listing([], 0) is None

    def test_of_one_record_is_its_diff(self) -> None:
        assert changes.listing([("1", {"a": {"old": 1, "new": 2}})], 1) == {"a": {"old": 1, "new": 2}}

    def test_of_several_names_each_by_its_key(self) -> None:
        diff = {"a": {"old": 1, "new": 2}}

        assert changes.listing([("3:4", diff), ("3:5", {})], 2) == {
            "records": [{"key": "3:4", "changes": diff}, {"key": "3:5", "changes": {}}]
        }

    @pytest.mark.parametrize("text", ["x", "ä", "語", "🦉", '"', "\n"])
    @pytest.mark.parametrize("count", [1, 2, 40])
    def test_never_has_more_than_64_kilobytes_and_counts_what_is_left_out(
        self, text: str, count: int
    ) -> None:
        diff = {f"column_{n}": {"old": text * 1_999, "new": text * 2_000} for n in range(40)}

        found = changes.listing(((str(key), diff if key % 2 == 0 else {}) for key in range(count)), count)

        assert found
        assert len(json.dumps(found, ensure_ascii=False).encode()) <= 64 * 1024
        listed = len(found["records"]) if count > 1 else len(found) - 1
        assert found["cut"] + listed == (count if count > 1 else 40)
        assert found["cut"] > 0

    def test_of_a_thousand_small_changes_is_complete(self) -> None:
        found = changes.listing(((str(key), {"n": {"old": 1, "new": 2}}) for key in range(1_000)), 1_000)

        assert found
        assert len(found["records"]) == 1_000
        assert "cut" not in found

    def test_leaves_a_large_change_out_and_the_small_ones_in(self) -> None:
        large = {f"column_{n}": {"old": None, "new": "x" * 2_000} for n in range(40)}

        found = changes.listing(
            [("1", {"a": {"old": 1, "new": 2}}), ("2", large), ("3", {"a": {"old": 3, "new": 4}})], 3
        )

        assert found
        assert [record["key"] for record in found["records"]] == ["1", "3"]
        assert found["cut"] == 1

    def test_takes_no_more_changes_than_may_fit(self) -> None:
        taken: list[int] = []
        records = ((str(key), {"n": {"new": "x" * 1_000}}) for key in range(1_000) if not taken.append(key))

        found = changes.listing(records, 1_000)

        assert found
        assert len(found["records"]) + found["cut"] == 1_000
        assert len(taken) < 100
