/* Grids of boxes: arrow keys move, a heading's button ticks a row or column, and what is not saved yet is counted.
   Without it the boxes work one by one. */
"use strict";

for (const form of document.querySelectorAll("form:has([data-grid])")) {
    const FIELDS = "[data-grid] :is(input[type=checkbox], select)";
    const told = form.querySelector("[data-changes]");
    // What a refused form shows was chosen, not stored: the page marks what it began with.
    const wasChanged = (field) => field.type === "checkbox"
        ? field.checked !== (field.dataset.was === "yes")
        : field.value !== field.dataset.chosen;

    const count = () => {
        let changed = 0;
        for (const field of form.querySelectorAll(FIELDS)) {
            const isChanged = wasChanged(field);
            field.closest("td").classList.toggle("changed", isChanged);
            changed += Number(isChanged);
        }
        if (told) {
            told.textContent = changed === 0 ? "" : changed === 1 ? told.dataset.one : told.dataset.many.replace("%s", String(changed));
        }
    };

    const rowsOf = (table) => [...table.querySelectorAll("tbody tr:has(td)")];
    const fieldOf = (cell) => cell?.querySelector("input[type=checkbox], select");

    const move = (event) => {
        const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
        if (!step || event.target.type !== "checkbox" || event.altKey || event.ctrlKey || event.metaKey) {
            return;
        }
        const cell = event.target.closest("td");
        const rows = rowsOf(cell.closest("table"));
        let [row, column] = [rows.indexOf(cell.parentElement), cell.cellIndex];
        do {
            row += step[0];
            column += step[1];
        } while (fieldOf(rows[row]?.cells[column])?.disabled);
        const next = fieldOf(rows[row]?.cells[column]);
        if (next) {
            event.preventDefault();
            next.focus();
        }
    };

    // All on, or where they are all on already, all off.
    const toggle = (boxes) => {
        const open = boxes.filter((box) => box && !box.disabled);
        const isOn = !open.every((box) => box.checked);
        for (const box of open) {
            box.checked = isOn;
        }
        count();
    };

    // The boxes of the row or the column that a button's heading is of.
    const boxesOf = (heading) => heading.scope === "row"
        ? [...heading.parentElement.cells].slice(1).map(fieldOf)
        : rowsOf(heading.closest("table")).map((row) => fieldOf(row.cells[heading.cellIndex]));

    for (const button of form.querySelectorAll(".tick-all")) {
        button.addEventListener("click", () => toggle(boxesOf(button.closest("th"))));
    }

    form.addEventListener("keydown", move);
    form.addEventListener("change", count);
    form.addEventListener("reset", () => setTimeout(count));
    count();
}
