// A field that finds records by name: a combobox over Django's own suggestions. What is picked becomes a ticked box.
// Without this script the field takes a record's number.

const WAIT_MS = 150;
let number = 0;

document.querySelectorAll("input[data-typeahead]").forEach((input) => {
    const name = input.name;
    const list = document.createElement("ul");
    let wanted = null;
    let timer = null;

    list.id = `suggestions-${(number += 1)}`;
    list.className = "suggestions";
    list.role = "listbox";
    list.ariaLabel = input.dataset.label;
    list.hidden = true;
    input.after(list);
    input.removeAttribute("name");
    input.inputMode = "text";
    input.placeholder = input.dataset.placeholder;
    input.role = "combobox";
    input.ariaLabel = input.dataset.label;
    input.ariaAutoComplete = "list";
    input.ariaExpanded = "false";
    input.setAttribute("aria-controls", list.id);

    const options = () => [...list.querySelectorAll("[role=option]:not([aria-disabled])")];
    const close = () => {
        list.hidden = true;
        input.ariaExpanded = "false";
        input.removeAttribute("aria-activedescendant");
    };
    const mark = (option) => {
        options().forEach((other) => { other.ariaSelected = String(other === option); });
        input.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
    };
    const line = (text, value) => {
        const item = document.createElement("li");
        item.id = `${list.id}-${list.children.length}`;
        item.role = "option";
        item.textContent = text;
        item.ariaSelected = "false";
        if (value === undefined) item.ariaDisabled = "true";
        else item.dataset.value = value;
        list.append(item);
    };
    const boxes = () => {
        const found = input.parentElement.querySelector(".boxes");
        if (found) return found;
        const made = document.createElement("ul");
        made.className = "boxes";
        input.before(made);
        return made;
    };
    const pick = (option) => {
        const box = document.createElement("input");
        const label = document.createElement("label");
        const text = document.createElement("span");
        const item = document.createElement("li");
        Object.assign(box, { type: "checkbox", name, value: option.dataset.value, checked: true });
        text.textContent = option.textContent;
        label.append(box, " ", text);
        item.append(label);
        boxes().prepend(item);
        input.value = "";
        close();
        input.focus();
    };
    const ask = async () => {
        wanted?.abort();
        wanted = new AbortController();
        const query = new URLSearchParams({
            term: input.value, app_label: input.dataset.appLabel, model_name: input.dataset.modelName, field_name: input.dataset.fieldName,
        });
        try {
            const answer = await fetch(`${input.dataset.typeahead}?${query}`, { signal: wanted.signal, headers: { Accept: "application/json" } });
            if (!answer.ok) return close();
            const found = await answer.json();
            list.replaceChildren();
            found.results.forEach((result) => line(result.text, result.id));
            if (!found.results.length) line(input.dataset.nothing);
            else if (found.pagination.more) line(input.dataset.more);
            list.hidden = false;
            input.ariaExpanded = "true";
        } catch (error) {
            if (error.name !== "AbortError") close();
        }
        return null;
    };

    input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(ask, WAIT_MS);
    });
    input.addEventListener("keydown", (event) => {
        const all = options();
        const at = all.findIndex((option) => option.ariaSelected === "true");
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            if (list.hidden) ask();
            else if (all.length) mark(all[(event.key === "ArrowDown" ? at + 1 : Math.max(at, 0) - 1 + all.length) % all.length]);
        } else if (event.key === "Enter" && !list.hidden && all.length) {
            event.preventDefault();
            pick(all[Math.max(at, 0)]);
        } else if (event.key === "Escape" && !list.hidden) {
            event.preventDefault();
            close();
        }
    });
    list.addEventListener("mousedown", (event) => {
        event.preventDefault();
        const option = event.target.closest("[role=option]:not([aria-disabled])");
        if (option) pick(option);
    });
    input.addEventListener("blur", () => {
        clearTimeout(timer);
        close();
    });
});
