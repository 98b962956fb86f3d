"""The forms of imports and exports: import-export's own, made to fit services that know columns and rights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field
from import_export.formats.base_formats import CSV, JSON, XLSX
from import_export.forms import ImportForm, SelectableFieldsExportForm
from import_export.resources import ModelResource, modelresource_factory

from catalog.exchange.formats import Format
from catalog.exchange.order import OnConflict
from catalog.exchange.rules import Unique
from catalog.table import Table

FORMATS: Final = (CSV, JSON, XLSX)
NAMES: Final[tuple[Format, ...]] = ("csv", "json", "xlsx")
DELIMITERS: Final = (
    (",", _("comma  ,")), (";", _("semicolon  ;")), ("\t", _("tab")), ("|", _("bar  |")), (":", _("colon  :")),
    ("~", _("tilde  ~")), ("^", _("caret  ^")),
)  # fmt: skip
ON_CONFLICT: Final[dict[OnConflict, Any]] = {
    "error": _("Add all rows. One that is there already is a fault"),
    "skip": _("Add new rows, and skip those that are there already"),
    "update": _("Add new rows, and change those that are there already"),
    "update_only": _("Change rows that are there. A new one is a fault"),
}
FORMULAS: Final = (
    ("", _("harmless in XLSX only")),
    ("harmless", _("always harmless")),
    ("exact", _("as they are")),
)
_USUALLY: Final = {"csv": "exact", "xlsx": "harmless"}


def resource_of(table: Table) -> type[ModelResource]:
    """This function will return a table's columns, as far as it is known, as import-export has them."""
    fields = {name: Field(attribute=name, column_name=name) for name in table.columns}
    resource: type[ModelResource] = modelresource_factory(
        table.model, meta_options={"fields": list(fields), "export_order": list(fields)}, custom_fields=fields
    )
    return resource


class UploadForm(ImportForm):  # type: ignore[misc] # import-export has no types
    """A file, and what kind it is where its name does not say so."""

    def __init__(self, table: Table, **kwargs: Any) -> None:
        super().__init__(FORMATS, [resource_of(table)], label_suffix="", **kwargs)
        file, format_ = self.fields["import_file"], self.fields["format"]
        file.label = _("File")
        file.widget.attrs = {"accept": ".csv,.tsv,.txt,.json,.jsonl,.ndjson,.xlsx"}
        format_.label = _("Kind")
        format_.required = False
        format_.widget.attrs = {}
        format_.choices = [("", _("as its name says")), *enumerate(name.upper() for name in NAMES)]

    @property
    def format(self) -> Format | None:
        """What kind of file somebody says that it is."""
        chosen = self.cleaned_data["format"]
        return NAMES[int(chosen)] if chosen else None


class TermsForm(forms.Form):
    """Which column each field of a file goes into, and what becomes of records that are there already."""

    on_conflict = forms.ChoiceField(
        label=_("What shall happen with the rows?"), widget=forms.RadioSelect, choices=()
    )
    match = forms.ChoiceField(label=_("A row is there already when it has the same"), required=False)

    def __init__(
        self,
        table: Table,
        names: Sequence[str],
        guessed: dict[str, str | None],
        ways: Sequence[OnConflict],
        uniques: Sequence[Unique],
        required: frozenset[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(label_suffix="", **kwargs)
        self.names = list(names)
        marked = [(name, f"{name} *" if name in required else name) for name in table.columns]
        for place, name in enumerate(names):
            self.fields[f"to_{place}"] = forms.ChoiceField(
                label=name, choices=[("", _("(leave out)")), *marked], required=False, initial=guessed[name]
            )
        on_conflict, match = self.fields["on_conflict"], self.fields["match"]
        on_conflict.choices = [(way, ON_CONFLICT[way]) for way in ways]  # type: ignore[attr-defined]
        on_conflict.initial = ways[0]
        match.choices = [("", _("first of these that the file has")), *_uniques(uniques)]  # type: ignore[attr-defined]

    @property
    def fields_of_file(self) -> list[tuple[str, Any]]:
        """(name, field) of each field of the file."""
        return [(name, self[f"to_{place}"]) for place, name in enumerate(self.names)]

    def terms(self) -> dict[str, Any]:
        """This function will return the terms that were chosen."""
        given = self.cleaned_data
        updates = given["on_conflict"] in {"update", "update_only"}
        return {
            "on_conflict": given["on_conflict"],
            "mapping": {name: given[f"to_{place}"] or None for place, name in enumerate(self.names)},
            "match": given["match"].split(",") if updates and given["match"] else None,
        }


class ExportForm(SelectableFieldsExportForm):  # type: ignore[misc] # import-export has no types
    """Which columns, in what kind of file."""

    delimiter = forms.ChoiceField(label=_("Between the fields (CSV)"), choices=DELIMITERS, required=False)
    formulas = forms.ChoiceField(label=_("Texts that look like formulas"), choices=FORMULAS, required=False)

    def __init__(self, table: Table, **kwargs: Any) -> None:
        super().__init__(FORMATS, [resource_of(table)], label_suffix="", **kwargs)
        self.fields["format"].choices = list(enumerate(name.upper() for name in NAMES))
        self.fields["format"].label = _("Kind of file")
        for name, field in self._column_fields.items():
            self.fields[field].label = name

    @property
    def columns(self) -> list[Any]:
        """The boxes of the columns."""
        return [self[field] for field in self._column_fields.values()]

    def clean(self) -> dict[str, Any]:
        """Keep what was sent: import-export puts columns beside its own fields, and one may be called format."""
        self._sent = dict(self.cleaned_data)
        cleaned: dict[str, Any] = super().clean()
        return cleaned

    def options(self) -> dict[str, Any]:
        """This function will return the arguments of an export that were chosen."""
        name = NAMES[int(self._sent["format"])]
        chosen = [column for column, field in self._column_fields.items() if self._sent.get(field)]
        found: dict[str, Any] = {"format": name, "columns": chosen}
        if name != "json":
            found["escape_formulas"] = (self._sent["formulas"] or _USUALLY[name]) == "harmless"
        if name == "csv" and self._sent["delimiter"]:
            found["delimiter"] = self._sent["delimiter"]
        return found

    @property
    def _column_fields(self) -> dict[str, str]:
        (resource,) = self.resources
        return {
            name: self.create_boolean_field_name(resource, name) for name in resource().get_export_order()
        }


def _uniques(uniques: Sequence[Unique]) -> list[tuple[str, str]]:
    return [(",".join(unique.columns), " + ".join(unique.columns)) for unique in uniques]
