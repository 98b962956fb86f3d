/* Rows that tie a record to others, on its page: adding and discarding them before the form is saved. */
"use strict";

{
    const add = (part) => {
        const rows = part.querySelector("tbody");
        const number = (Number(part.dataset.added) || rows.querySelectorAll(".tie-new").length) + 1;
        part.dataset.added = number;
        const row = part.querySelector("template").content.firstElementChild.cloneNode(true);
        for (const element of row.querySelectorAll("[name], [id], [for], [value='__prefix__']")) {
            for (const name of ["name", "id", "for", "value"]) {
                if (element.hasAttribute(name)) {
                    element.setAttribute(name, element.getAttribute(name).replace("__prefix__", `x${number}`));
                }
            }
        }
        rows.append(row);
        part.querySelector("table").removeAttribute("data-empty");
        row.dispatchEvent(new CustomEvent("formset:added", {bubbles: true})); // makes the type-ahead
        const first = row.querySelector("[role=combobox]") ?? row.querySelector("select, input:not([type=hidden])");
        first.focus();
    };

    const drop = (part, row) => {
        row.remove();
        part.querySelector("[data-add]").focus();
        if (!part.querySelector("tbody tr")) {
            part.querySelector("table").setAttribute("data-empty", "");
        }
    };

    document.addEventListener("click", (event) => {
        const button = event.target.closest("[data-add], [data-drop]");
        const part = button?.closest("[data-ties]");
        if (!part) {
            return;
        }
        if (button.matches("[data-add]")) {
            add(part);
        } else {
            drop(part, button.closest("tr"));
        }
    });
}
