// Editing many records: to type a value is to tick its column.

document.querySelectorAll(".bulk-row").forEach((row) => {
    const tick = row.querySelector("[name=change]");
    const chosen = () => { tick.checked = true; };
    row.querySelector(".bulk-field").addEventListener("input", chosen);
    row.querySelector(".bulk-field").addEventListener("change", chosen);
});
