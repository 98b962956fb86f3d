"""What differs between two OpenAPI documents, and what of it breaks programs that were made for the first.

A program breaks where something that it may use is gone (an address, a method, a parameter, a member or a header of an
answer), where something that it does not send is wanted, or where what it sends is taken no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_LEAST = ("minimum", "minLength", "minItems", "minProperties")
_MOST = ("maximum", "maxLength", "maxItems")


def breaking(old: Schema, new: Schema) -> list[str]:
    """This function will return what programs that were made for `old` would break on, a line for each."""
    return sorted(set(_Comparison(old, new).operations()))


def added(old: Schema, new: Schema) -> list[str]:
    """This function will return the operations, parameters, members and headers that are new, a line for each."""
    before, after = _names(old), _names(new)
    operations = [name for name in after if name not in before]
    parameters = [
        f"{name}: {parameter}"
        for name, known in after.items()
        if name in before
        for parameter in known
        if parameter not in before[name]
    ]
    known_before, known_after = _members(old), _members(new)
    members = [
        f"{name}.{member}"
        for name, known in known_after.items()
        if name in known_before
        for member in known - known_before[name]
    ]
    headers = [f"the header {name}" for name in _headers(new) - _headers(old)]
    return sorted([*operations, *parameters, *members, *headers])


def _names(document: Schema) -> dict[str, set[str]]:
    return {
        f"{method.upper()} {path}": {given["name"] for given in operation.get("parameters", ())}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def _headers(document: Schema) -> set[str]:
    """The headers that some answer has."""
    operations = (operation for methods in document["paths"].values() for operation in methods.values())
    answers = (answer for operation in operations for answer in operation["responses"].values())
    return {name for answer in answers for name in _meant(document, answer).get("headers", ())}


def _members(document: Schema) -> dict[str, set[str]]:
    schemas = document["components"].get("schemas", {})
    return {name: set(schema.get("properties", ())) for name, schema in schemas.items()}


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self.old, self.new = old, new
        self.seen: set[tuple[str, str, bool]] = set()  # named schemas, which may hold themselves

    def operations(self) -> Iterator[str]:
        for path, methods in self.old["paths"].items():
            for method, operation in methods.items():
                name = f"{method.upper()} {path}"
                now = self.new["paths"].get(path, {}).get(method)
                if now is None:
                    yield f"{name} is gone"
                else:
                    yield from self._operation(name, operation, now)

    def _operation(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = ({p["name"]: p for p in one.get("parameters", ())} for one in (old, new))
        for parameter in before.keys() - after.keys():
            yield f"{name}: the parameter {parameter} is gone"
        for parameter, now in after.items():
            if now.get("required") and not before.get(parameter, {}).get("required"):
                yield f"{name}: the parameter {parameter} is wanted"
            if parameter in before:
                yield from self._schemas(
                    f"{name}: {parameter}", _schema(before[parameter]), _schema(now), is_sent=True
                )
        yield from self._bodies(name, old.get("requestBody"), new.get("requestBody"), is_sent=True)
        for status, answer in old["responses"].items():
            now = new["responses"].get(status)
            if now is None and status.startswith("2"):
                yield f"{name}: the answer {status} is gone"
            elif now is not None and status.startswith("2"):
                yield from self._bodies(f"{name}: {status}", answer, now, is_sent=False)
            if now is not None:
                yield from self._headers(f"{name}: {status}", answer, now)

    def _headers(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = _meant(self.old, old).get("headers", {}), _meant(self.new, new).get("headers", {})
        for header in before.keys() - after.keys():
            yield f"{name}: the header {header} is gone"
        for header in before.keys() & after.keys():
            was, now = _meant(self.old, before[header]), _meant(self.new, after[header])
            if was.get("required") and not now.get("required"):
                yield f"{name}: the header {header} may be left out"
            yield from self._schemas(f"{name}: {header}", was["schema"], now["schema"], is_sent=False)

    def _bodies(self, name: str, old: Schema | None, new: Schema | None, *, is_sent: bool) -> Iterator[str]:
        if is_sent and old is None and new is not None:
            yield f"{name}: a body is wanted"
        for kind, body in (old or {}).get("content", {}).items():
            now = (new or {}).get("content", {}).get(kind)
            if now is None:
                yield f"{name}: {kind} is gone"
            else:
                yield from self._schemas(name, body["schema"], now["schema"], is_sent=is_sent)

    def _schemas(self, name: str, old: Schema, new: Schema, *, is_sent: bool) -> Iterator[str]:
        pair = (str(old.get("$ref")), str(new.get("$ref")), is_sent)
        if "$ref" in old:
            if pair in self.seen:
                return
            self.seen.add(pair)
            name = pair[0].rpartition("/")[2]
        old, new = _meant(self.old, old), _meant(self.new, new)
        narrower = _values(new, "type") if is_sent else _values(old, "type")
        wider = _values(old, "type") if is_sent else _values(new, "type")
        if lost := wider - narrower if narrower else ():
            yield f"{name}: of its types {', '.join(sorted(lost))} " + (
                "is taken no more" if is_sent else "is new"
            )
        if lost := set(map(str, old.get("enum", ()))) - set(map(str, new.get("enum", old.get("enum", ())))):
            yield f"{name}: {', '.join(sorted(lost))} is none of its values any more"
        yield from _narrower(name, old, new) if is_sent else ()
        forms = [len(one.get("anyOf", ())) for one in ((new, old) if is_sent else (old, new))]
        if "anyOf" in old and forms[0] < forms[1]:
            yield f"{name}: one of its forms " + ("is taken no more" if is_sent else "is new")
        yield from self._members(name, old, new, is_sent=is_sent)
        for before, now in zip(_parts(old), _parts(new), strict=False):
            yield from self._schemas(name, before, now, is_sent=is_sent)

    def _members(self, name: str, old: Schema, new: Schema, *, is_sent: bool) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for member in before.keys() - after.keys():
            yield f"{name}.{member} is gone"
        required, now = set(old.get("required", ())), set(new.get("required", ()))
        for member in now - required if is_sent else (required - now) & after.keys():
            yield f"{name}.{member} is wanted" if is_sent else f"{name}.{member} may be left out"
        for member in before.keys() & after.keys():
            yield from self._schemas(f"{name}.{member}", before[member], after[member], is_sent=is_sent)


def _narrower(name: str, old: Schema, new: Schema) -> Iterator[str]:
    """What is taken no more because a limit is narrower."""
    for word in _LEAST + _MOST:
        before, now = old.get(word), new.get(word)
        if now is not None and (before is None or (now > before if word in _LEAST else now < before)):
            yield f"{name}: its {word} is {now} now"
    for word in ("pattern", "format"):
        if new.get(word, old.get(word)) != old.get(word):
            yield f"{name}: its {word} is another"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{name}: further members are taken no more"


def _schema(parameter: Schema) -> Schema:
    holder = parameter if "schema" in parameter else parameter["content"]["application/json"]
    found: Schema = holder["schema"]
    return found


def _meant(document: Schema, schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Any = document
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


def _values(schema: Schema, word: str) -> set[str]:
    found = schema.get(word, ())
    return {found} if isinstance(found, str) else set(found)


def _parts(schema: Schema) -> list[Schema]:
    items = schema.get("items")
    return [
        *([items] if isinstance(items, Mapping) else []),
        *schema.get("anyOf", ()),
        *schema.get("allOf", ()),
    ]
