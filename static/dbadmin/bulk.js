// Editing many records: to type a value is to tick its column.

const form = document.querySelector("#content-main form");
const untouched = form.cloneNode(true);
untouched.reset();
const [now, before] = [form, untouched].map((each) => new FormData(each));
const isFilled = ({ name }) => String(now.getAll(name)) !== String(before.getAll(name)); // before this script was there

form.querySelectorAll(".bulk-row").forEach((row) => {
    const tick = row.querySelector("[name=change]");
    const field = row.querySelector(".bulk-field");
    const chosen = () => { tick.checked = true; };
    field.addEventListener("input", chosen);
    field.addEventListener("change", chosen);
    if ([...field.querySelectorAll("[name]")].some(isFilled)) chosen();
});
