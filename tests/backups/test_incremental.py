"""Incremental backups: what they hold, that chains restore to each of their points, and when one must not be made."""

from __future__ import annotations

import gzip

import pytest

from accesscontrol.actor import on_this_machine
from backups import manifest, names, services
from backups.manifest import Changes
from tests.backups.restores import backup, replace, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("library")]

WORK = """
INSERT INTO public.authors (name, bio) VALUES (E'New\\t\\\\', E'\\\\.\\n');
UPDATE public.books SET title = title || ' again' WHERE id % 2 = 0;
UPDATE public.locations SET id = id + 500 WHERE name = 'Pump Room';
DELETE FROM public.book_genres WHERE genre_id = 2;
TRUNCATE public.writing_goals;
INSERT INTO public.writing_goals (goal_type, target) VALUES ('words', 7);
"""


def incremental(**arguments) -> services.MadeIncremental:
    return services.create_incremental(actor=on_this_machine(), **arguments)


class TestContent:
    def test_a_chain_restores_to_each_of_its_points(self, owner):
        points = {backup(): state(owner)}
        for statement in (WORK, "DELETE FROM public.chapters WHERE id > 100", WORK):
            owner.execute(statement)
            points[incremental().backup_file] = state(owner)

        for file, then in reversed(points.items()):
            replace(file, safety_backup=False)
            assert state(owner) == then

    def test_it_counts_what_came_changed_and_went(self, owner, folder, place):
        full = backup()
        owner.execute("UPDATE public.authors SET bio = 'x' WHERE id <= 5")
        owner.execute("UPDATE public.authors SET bio = 'y' WHERE id <= 3")
        owner.execute("INSERT INTO public.locations (name) VALUES ('a'), ('b'), ('c')")
        owner.execute("DELETE FROM public.locations WHERE name IN ('c', 'Pump Room')")

        made = incremental()

        changes = manifest.read(place, names.parse(made.backup_file)).chain.changes
        assert changes.keys() == {"audit_logs", "authors", "locations"}
        assert changes["authors"] == Changes(keys=5, rows=5, inserted=0, updated=5, deleted=0)
        assert changes["locations"] == Changes(keys=4, rows=2, inserted=2, updated=0, deleted=1)
        assert (made.inserted - changes["audit_logs"].rows, made.updated, made.deleted) == (2, 5, 1)
        assert made.chain == [full, made.backup_file]
        assert made.base_backup == full
        text = gzip.decompress((folder / made.backup_file).read_bytes()).decode()
        assert "public.books" not in text.replace("public.books_id_seq", "")
