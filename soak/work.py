"""Calls as agents make them: reads, writes, batches and undo, some right in each other's way, some wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from time import monotonic
from typing import Any

from soak.callers import PATIENCE_S, Answer, Caller
from soak.ledger import ANSWERED, Call, Ledger, insist

GIVEN_UP = 0.1
KEPT = 2_000  # records, and changes, that are remembered to be worked on
PROSE = "The captain waited for the harbour, at dusk, without a word; nobody remembered the letter. "
ROOTS = (("authors", 20), ("books", 20), ("chapters", 100), ("characters", 20), ("scenes", 200))
TRASH = ("books", "chapters", "scenes", "characters")

Data = dict[str, Any]


class Known:
    """What all callers of a run know of the database: records that stay, and records and changes of theirs."""

    def __init__(self) -> None:
        self.roots: dict[str, list[int]] = {}
        self.ids: dict[str, list[int]] = {}
        self.changes: list[str] = []

    def root(self, random: Random, table: str) -> int:
        """This function will choose a record that nobody deletes."""
        return random.choice(self.roots[table])

    def some(self, random: Random, table: str, number: int = 1) -> list[int]:
        """This function will choose records that somebody may have deleted meanwhile."""
        found = self.ids.get(table) or self.roots[table][-1:]
        return sorted({random.choice(found) for _ in range(number)}, key=lambda _: random.random())

    def learn(self, random: Random, table: str, ids: Sequence[int], change_id: str) -> None:
        """This function will remember what a write has answered."""
        for key in ids:
            _remember(random, self.ids.setdefault(table, []), key)
        _remember(random, self.changes, change_id)


def _remember(random: Random, kept: list[Any], new: Any) -> None:
    if len(kept) < KEPT:
        kept.append(new)
    else:
        kept[random.randrange(KEPT)] = new


class Mix:
    """The calls of one caller; the same for the same name and seed, as far as the others' answers are."""

    def __init__(self, name: str, seed: int, known: Known) -> None:
        self.random = Random(f"{seed} {name}")  # noqa: S311 - for a mix, not for secrets
        self._name, self._known = name, known
        self._numbers = count(1)
        self._reads: list[Callable[[], Call]] = [
            self._page, self._page, self._page, self._groups, self._trail, self._summary, self._tables, self._wrong,
        ]  # fmt: skip
        self._writes: list[Callable[[], Call]] = [
            self._insert, self._insert, self._link, self._chosen_id, self._insert_many, self._insert_many,
            self._update, self._update, self._update_many, self._update_many, self._delete, self._delete_many,
            self._restore, self._restore, self._purge, self._undo, self._undo,
        ]  # fmt: skip

    def any(self) -> Call:
        """This function will return a read or, as often, a write; now and then one that is only tried."""
        if self.random.random() < 0.5:
            return self.read()
        call = self.write()
        if self.random.random() < 0.1:
            return Call(call.tool, {**call.arguments, "dry_run": True, "idempotency_key": None})
        return call

    def read(self) -> Call:
        """This function will return a read."""
        return self.random.choice(self._reads)()

    def write(self) -> Call:
        """This function will return a write."""
        return self.random.choice(self._writes)()

    def batch(self) -> Call:
        """This function will return a batch."""
        return self.random.choice([self._insert_many, self._update_many, self._delete_many])()

    def in_any_order(self, scenes: Sequence[int]) -> Call:
        """This function will return a batch that locks these scenes one after the other, in any order."""
        updates = [
            {"where": {"id": {"$in": [key]}}, "data": self._change("scenes")}
            for key in self.random.sample(scenes, len(scenes))
        ]
        return self.keyed("db_batch_update", table="scenes", updates=updates)

    def learn(self, call: Call, answer: Answer) -> None:
        """This function will remember what an answer tells of records and changes."""
        if call.key is None or answer.get("error"):
            return
        ids = answer.get("ids") or ([answer["record"]["id"]] if "id" in answer.get("record", ()) else [])
        self._known.learn(self.random, call.arguments.get("table", ""), ids, answer["change_id"])

    def keyed(self, tool: str, **arguments: Any) -> Call:
        """This function will return a write with a key of its own."""
        key = f"{self._name} {next(self._numbers)}"
        return Call(tool, {**arguments, "idempotency_key": key}, key)

    def record(self, table: str) -> Data:
        """This function will return a new record of a table."""
        random, known = self.random, self._known
        text = f"{self._name} {random.randrange(10**9)}"
        words = random.randrange(2_000)
        match table:
            case "authors":
                return {"name": text, "email": f"{random.randrange(20_000)}@example.org"}
            case "books":
                return {"title": text, "author_id": known.root(random, "authors"), "word_count": words}
            case "chapters":
                return {
                    "book_id": self._parent("books"),
                    "chapter_num": random.randrange(10**9),
                    "title": text,
                }
            case "scenes":
                prose = PROSE * random.randrange(5)
                return {
                    "chapter_id": self._parent("chapters"),
                    "scene_num": random.randrange(10**9),
                    "content": prose,
                }
            case _:
                return {"name": text}

    def _parent(self, table: str) -> int:
        """Mostly one that stays; else one that may be in the trash, or gone."""
        if self.random.random() < 0.9:
            return self._known.root(self.random, table)
        return self._known.some(self.random, table)[0]

    def _table(self, tables: Sequence[str] = ("authors", *TRASH, "scenes", "scenes")) -> str:
        return self.random.choice(tables)

    def _where(self, table: str, most: int = 5) -> Data:
        ids = self._known.some(self.random, table, self.random.randint(1, most))
        return {"id": ids[0]} if len(ids) == 1 else {"id": {"$in": ids}}

    def _change(self, table: str) -> Data:
        column = "name" if table in {"authors", "characters"} else "title"
        return {column: f"{self._name} {self.random.randrange(10**9)}"}

    def _insert(self) -> Call:
        table = self._table()
        return self.keyed("db_insert_record", table=table, data=self.record(table))

    def _link(self) -> Call:
        """A character in a scene, which a deletion of either takes along."""
        data = {
            "character_id": self._known.root(self.random, "characters"),
            "scene_id": self._known.some(self.random, "scenes")[0],
        }
        return self.keyed("db_insert_record", table="character_scenes", data=data)

    def _chosen_id(self) -> Call:
        """An id of the caller's own, near or far, which the sequence must be moved past."""
        known = max(self._known.ids.get("authors") or self._known.roots["authors"])
        chosen = known + self.random.randrange(1, 10_000 if self.random.random() < 0.2 else 100)
        return self.keyed("db_insert_record", table="authors", data={"id": chosen, "name": self._name})

    def _insert_many(self) -> Call:
        table = self._table()
        records = [self.record(table) for _ in range(self.random.choice([2, 20, 200]))]
        return self.keyed("db_batch_insert", table=table, records=records)

    def _update(self) -> Call:
        table = self._table()
        where = (
            {"id": self._known.root(self.random, table)}
            if self.random.random() < 0.3
            else self._where(table, 20)
        )
        return self.keyed("db_update_records", table=table, where=where, data=self._change(table))

    def _update_many(self) -> Call:
        table = self._table()
        ids = self._known.some(self.random, table, self.random.randint(2, 40))
        wheres: list[Data] = [{"id": key} for key in ids[4:]]
        wheres += [{"id": {"$in": ids[:2]}}, {"id": {"$in": ids[2:4]}}] if len(ids) > 3 else []
        updates = [{"where": where, "data": self._change(table)} for where in wheres or [{"id": ids[0]}]]
        return self.keyed("db_batch_update", table=table, updates=updates)

    def _delete(self) -> Call:
        table = self._table((*TRASH, "scenes", "scenes"))
        is_soft = self.random.random() < 0.7
        return self.keyed("db_delete_records", table=table, where=self._where(table), soft_delete=is_soft)

    def _delete_many(self) -> Call:
        table = self._table(TRASH)
        conditions = [self._where(table) for _ in range(self.random.randint(1, 5))]
        return self.keyed("db_batch_delete", table=table, conditions=conditions)

    def _restore(self) -> Call:
        table = self._table(TRASH)
        return self.keyed("db_restore_records", table=table, where=self._where(table, 20))

    def _purge(self) -> Call:
        table = self._table(TRASH)
        return self.keyed("db_purge_records", table=table, where=self._where(table))

    def _undo(self) -> Call:
        """One of the last changes, or any."""
        changes = self._known.changes
        if not changes:
            return self._insert()
        change = self.random.choice(changes[-5:] if self.random.random() < 0.5 else changes)
        return self.keyed("db_undo_change", change_id=change)

    def _page(self) -> Call:
        table = self._table()
        arguments: Data = {"table": table, "limit": self.random.choice([1, 10, 100])}
        if self.random.random() < 0.5:
            arguments["where"] = self._where(table)
        if table == "scenes":
            arguments["expand"] = ["chapter_id"]
        return Call("db_query_records", arguments)

    def _groups(self) -> Call:
        groups = {"group_by": ["author_id"], "aggregate": {"words": {"fn": "sum", "column": "word_count"}}}
        return Call("db_query_records", {"table": "books", **groups})

    def _trail(self) -> Call:
        return Call("db_query_audit_logs", {"limit": 20})

    def _summary(self) -> Call:
        return Call("db_get_audit_summary", {})

    def _tables(self) -> Call:
        return self.random.choice(
            [Call("db_list_tables", {}), Call("db_get_schema", {"table": self._table()})]
        )

    def _wrong(self) -> Call:
        return Call("db_query_records", {"table": "books", "where": {"titel": "?"}})


def work(caller: Caller, mix: Mix, choose: Callable[[], Call], ledger: Ledger, until: float) -> None:
    """This function will make one call after the other until that moment; a fault that passes is waited for.

    One in ten is given up at its first fault, so that what was refused as not done can be looked for.
    """
    while monotonic() < until:
        call = choose()
        answer = insist(
            caller,
            call,
            ledger,
            gives_up=lambda: mix.random.random() < GIVEN_UP or monotonic() > until + PATIENCE_S,
        )
        ledger.require(monotonic() < until + PATIENCE_S, f"{call.key} was never answered: {answer}")
        mix.learn(call, answer)


def settle(caller: Caller, ledger: Ledger, seed: int) -> Known:
    """This function will insert what stays: something of everything that callers work on."""
    known = Known()
    mix = Mix("settler", seed, known)
    for table, number in ROOTS:
        records = [mix.record(table) for _ in range(number)]
        call = mix.keyed("db_batch_insert", table=table, records=records)
        answer = caller(call.tool, call.arguments)
        if ledger.note(call, answer) != ANSWERED:
            raise RuntimeError(f"nothing can be inserted: {answer}")
        known.roots[table] = answer["ids"]
    return known
