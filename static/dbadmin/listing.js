// Lists: choosing rows, and panels that close by themselves. Everything works without it, with more clicks.

const bar = document.querySelector("[data-bulk]");
const rows = [...document.querySelectorAll(".action-select")];

if (bar && rows.length) {
    const toggle = document.getElementById("action-toggle");
    const all = bar.querySelector("[data-all]");
    const across = bar.querySelector("[name=select_across]");
    const count = bar.querySelector(".bulk-count");
    let last = null;

    const show = () => {
        const chosen = rows.filter((row) => row.checked).length;
        const isWhole = chosen === rows.length;
        toggle.checked = isWhole;
        toggle.indeterminate = chosen > 0 && !isWhole;
        if (all) {
            all.closest("label").hidden = !isWhole;
            all.checked = all.checked && isWhole;
            across.value = all.checked ? "1" : "0";
        }
        const text = chosen === 0 ? bar.dataset.none : chosen === 1 ? bar.dataset.one : bar.dataset.many.replace("%", chosen);
        count.textContent = all && all.checked ? bar.dataset.whole : text;
        bar.classList.toggle("chosen", chosen > 0);
    };

    toggle.addEventListener("change", () => {
        rows.forEach((row) => { row.checked = toggle.checked; });
        show();
    });
    rows.forEach((row) => row.addEventListener("click", (event) => {
        if (event.shiftKey && last) {
            const [from, to] = [rows.indexOf(last), rows.indexOf(row)].sort((a, b) => a - b);
            rows.slice(from, to + 1).forEach((other) => { other.checked = row.checked; });
        }
        last = row;
        show();
    }));
    if (all) all.addEventListener("change", show);
    window.addEventListener("pageshow", show);
    show();
}

const panels = [...document.querySelectorAll(".table-list .panel")];

panels.forEach((panel) => panel.addEventListener("toggle", () => {
    if (panel.open) panel.querySelector(".panel-body").scrollIntoView({ block: "nearest" }); // with its button
}));
document.addEventListener("click", (event) => {
    panels.filter((panel) => panel.open && !panel.contains(event.target) && event.target.isConnected)
        .forEach((panel) => { panel.open = false; });
});
document.addEventListener("keydown", (event) => {
    const open = panels.find((panel) => panel.open && panel.contains(document.activeElement));
    if (event.key === "Escape" && open && !event.defaultPrevented) {
        open.open = false;
        open.querySelector("summary").focus();
    }
});

// An address says what is asked for, and nothing of what was left empty.
document.querySelectorAll("form[data-leave-out-empty]").forEach((form) => {
    form.addEventListener("submit", () => {
        [...form.elements].filter((field) => field.name && !field.value).forEach((field) => { field.disabled = true; });
    });
});
window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-leave-out-empty] :disabled").forEach((field) => { field.disabled = false; });
});
