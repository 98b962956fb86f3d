"""The form field of each column, chosen by its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.expressions import BaseExpression
from django.utils.html import escape
from django.utils.translation import gettext as _

from accesscontrol.pages import RefusalForm
from catalog.admin import editors, fields
from catalog.admin.typeahead import Typeahead
from catalog.services import live
from catalog.services.texts import is_short
from catalog.table import AnyField, Table


class RecordForm(RefusalForm):
    """A form that reads what was typed and leaves the table's rules to the services and the database."""

    typed: Mapping[str, Any] = {}

    def _post_clean(self) -> None:
        """Remember what was read before refusals take it away."""
        self.typed = dict(self.cleaned_data)
        super()._post_clean()

    def _get_validation_exclusions(self) -> set[str]:
        """Nor let Django's models look at what nobody touched, or at arrays, whose items may be empty."""
        arrays = {f.name for f in self._meta.model._meta.concrete_fields if isinstance(f, ArrayField)}
        untouched = set(self.fields) - set(self.changed_data) if self.instance.pk else set()
        return {*super()._get_validation_exclusions(), *arrays, *untouched}  # type: ignore[misc] # unknown to its stubs

    def validate_unique(self) -> None:
        """Leave it to the database, whose answer is final, and audited."""

    def validate_constraints(self) -> None:
        """Leave it to the database, whose answer is final, and audited."""


class Reference(forms.ModelChoiceField):  # type: ignore[type-arg] # no generics at run time
    """A record of another table; one that is in the trash says so."""

    def label_from_instance(self, obj: Any) -> str:
        """Return the record's name and number."""
        if getattr(obj, "deleted_at", None):
            return _("%(name)s (#%(number)s, in the trash)") % {"name": obj, "number": obj.pk}
        return f"{obj} (#{obj.pk})"


def field_of(column: AnyField) -> forms.Field | None:
    """This function will return the form field of a column that is no foreign key; None leaves it to Django."""
    options: dict[str, Any] = {"required": not column.blank, "label": str(column.verbose_name).capitalize()}
    default = getattr(column, "db_default", models.NOT_PROVIDED)
    if default is not models.NOT_PROVIDED and not isinstance(default, BaseExpression):
        options["initial"] = default
    if column.flatchoices or isinstance(column, models.BooleanField):
        return column.formfield(**{name: options[name] for name in options if name == "initial"})
    match column:
        case ArrayField():
            return fields.Lines(widget=_area(rows=4, **editors.of_lists()), **options)
        case models.JSONField():
            return fields.Json(widget=_area(rows=6, kind="code", **editors.of_objects()), **options)
        case models.DateTimeField():
            return fields.Moment(widget=fields.MomentInput({"class": "vTextField"}), **options)
        case models.DateField():
            picker = forms.DateInput({"type": "date", "class": "vTextField"}, format="%Y-%m-%d")
            return forms.DateField(widget=picker, input_formats=["%Y-%m-%d"], **options)
        case models.DecimalField():
            return fields.Number(
                max_digits=column.max_digits, decimal_places=column.decimal_places,
                widget=forms.NumberInput({"step": "any", "class": "vIntegerField"}), **options,
            )  # fmt: skip
        case models.TextField():
            area = _area(rows=6, **editors.of_texts(column))
            widget = fields.Line({"class": "vTextField"}) if is_short(column) else area
            return fields.Text(nullable=column.null, widget=widget, **options)
    return None


def reference_to(
    column: models.ForeignKey[Any, Any], choices: models.QuerySet[Any], site: Any, *, readable: bool
) -> forms.Field | None:
    """This function will return the form field of a foreign key, whose value is one of `choices`.

    Who may read the other table searches it by name; who may not, types the number.
    """
    widget: forms.Widget = (
        Typeahead(column, site) if readable else forms.NumberInput({"class": "vIntegerField"})
    )
    return column.formfield(form_class=Reference, queryset=choices, widget=widget)


def is_long(column: AnyField) -> bool:
    """This function will say whether a column holds texts that may be long."""
    return isinstance(column, models.TextField) and not column.flatchoices and not is_short(column)


def help_texts(table: Table) -> dict[str, str]:
    """This function will return the database's comments by field name, made harmless: pages show help as HTML."""
    columns = live.describe(table.name)["columns"]
    comments: dict[str, str] = {row["name"]: escape(row["description"]) for row in columns}
    for column in (name for name, field in table.columns.items() if isinstance(field, ArrayField)):
        comments[column] = f"{comments.get(column, '')} {_('As text: one on each line.')}".strip()
    return {
        name: comments.get(column, "")
        for column, field in table.columns.items()
        for name in (field.name, field.attname)
    }


def _area(*, rows: int, kind: str = "", **attributes: str) -> forms.Textarea:
    data = {f"data-{name}": value for name, value in attributes.items()}
    return forms.Textarea({"class": f"vLargeTextField {kind}".strip(), "rows": rows, **data})
