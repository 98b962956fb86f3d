"""What differs between two texts, word by word."""

from __future__ import annotations

import random

import pytest

from catalog.admin.differences import LONG_CHARS, Piece, pieces


def told(old: str, new: str, **options: bool) -> str:
    """Return the pieces as one text: [-removed-], {+added+}, <3> for three words that are skipped."""
    frames = {"same": "%s", "removed": "[-%s-]", "added": "{+%s+}"}
    return "".join(
        f"<{piece.words}>" if piece.kind == "skipped" else frames[piece.kind] % piece.text
        for piece in pieces(old, new, **options)
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", ""),
        ("same", "same", "same"),
        ("", "new", "{+new+}"),
        ("old", "", "[-old-]"),
        ("a quick fox", "a slow fox", "a [-quick-]{+slow+} fox"),
        ("a fox", "a fox jumps", "a fox{+ jumps+}"),
        ("fox runs", "the fox runs", "{+the +}fox runs"),
        ("one, two", "one. two", "one[-,-]{+.+} two"),
        ("straße 1", "straße 2", "straße [-1-]{+2+}"),
        ("a\nb\nc\n", "a\nx\nc\n", "a\n[-b-]{+x+}\nc\n"),
        ("a\nc\n", "a\nb\nc\n", "a\n{+b\n+}c\n"),
    ],
)
def test_marks_the_words_that_differ(old: str, new: str, expected: str) -> None:
    assert told(old, new) == expected


def test_does_not_tear_a_change_to_shreds_over_its_spaces() -> None:
    assert told("he was a great man", "he was one of many") == "he was [-a great man-]{+one of many+}"


def test_skips_what_stayed_far_from_a_change_and_says_how_much() -> None:
    words = [f"word{n}" for n in range(500)]

    text = told(" ".join(words), " ".join([*words[:250], "CHANGED", *words[251:]]))

    before, _, after = text.partition("[-word250-]{+CHANGED+}")
    assert before.startswith("<2")
    assert before.endswith("word248 word249 ")
    assert after.startswith(" word251 word252")
    assert after.endswith(">")


def test_skips_nothing_where_all_is_wanted() -> None:
    words = [f"word{n}" for n in range(500)]

    text = told(" ".join(words), " ".join([*words, "more"]), folds=False)

    assert text == f"{' '.join(words)}{{+ more+}}"


def test_shows_no_more_than_the_ends_of_a_long_addition() -> None:
    found = pieces("", "word " * 10_000)

    assert [piece.kind for piece in found] == ["added", "skipped", "added"]
    assert sum(len(piece.text) for piece in found) <= LONG_CHARS
    assert found[1].words > 9_000


@pytest.mark.parametrize("seed", range(20))
def test_holds_both_texts_whole(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to try many texts, not to keep a secret
    old = "".join(chance.choice(["a", "bb", " ", "\n", ",", "ß"]) for _ in range(chance.randrange(300)))
    new = "".join(chance.choice(["a", "bb", " ", "\n", ".", "é"]) for _ in range(chance.randrange(300)))

    found = pieces(old, new, folds=False)

    assert text_of(found, "removed") == old
    assert text_of(found, "added") == new


def text_of(found: list[Piece], kind: str) -> str:
    return "".join(piece.text for piece in found if piece.kind in {"same", kind})


def test_gives_up_on_words_where_there_are_too_many_of_them() -> None:
    old = " ".join(f"a{n}" for n in range(3_000))
    new = " ".join(f"b{n}" for n in range(3_000))

    assert [piece.kind for piece in pieces(old, new, folds=False)] == ["removed", "added"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("one\ntwo\nthree", "one\nthree", "one\n[-two\n-]three\n"),
        ("eyes: green\nage: 4", "eyes: grey\nage: 4", "eyes: [-green-]{+grey+}\nage: 4\n"),
        ("dreams: 2\nheights: 3", "eyes: 2\nage: 3", "[-dreams: 2\nheights: 3\n-]{+eyes: 2\nage: 3\n+}"),
    ],
)
def test_keeps_the_items_of_a_list_whole_unless_one_stands_for_another(
    old: str, new: str, expected: str
) -> None:
    assert told(old, new, keeps_lines=True) == expected
