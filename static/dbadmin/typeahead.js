// Finding a record by its name: a combobox over the admin's suggestions, for the selects of forms and the filters of lists.

const WAIT_MS = 150;
let number = 0;

/** Make a combobox of an input: what is picked goes to `pick`; `left` is told when the person goes on. */
const combobox = (input, { url, app, model, field, nothing, more }, { pick, left }) => {
    const list = document.createElement("ul");
    let wanted = null;
    let timer = null;
    let isTyped = false; // else the text is a name that was picked, and no question

    list.id = `suggestions-${(number += 1)}`;
    list.className = "suggestions";
    list.role = "listbox";
    list.ariaLabel = input.ariaLabel || input.placeholder;
    list.hidden = true;
    input.after(list);
    input.role = "combobox";
    input.autocomplete = "off";
    input.ariaAutoComplete = "list";
    input.ariaExpanded = "false";
    input.setAttribute("aria-controls", list.id);

    const options = () => [...list.querySelectorAll("[role=option]:not([aria-disabled])")];
    const close = () => {
        clearTimeout(timer);
        wanted?.abort();
        isTyped = false;
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
    const take = (option) => {
        close();
        pick(option.dataset.value, option.textContent);
    };
    const ask = async () => {
        wanted?.abort();
        wanted = new AbortController();
        const query = new URLSearchParams({ term: isTyped ? input.value : "", app_label: app, model_name: model, field_name: field });
        try {
            const answer = await fetch(`${url}?${query}`, { signal: wanted.signal, headers: { Accept: "application/json" } });
            if (!answer.ok) throw new Error(answer.statusText);
            const found = await answer.json();
            list.replaceChildren();
            found.results.forEach((result) => line(result.text, result.id));
            if (!found.results.length) line(nothing);
            else if (found.pagination.more) line(more);
            list.hidden = false;
            input.ariaExpanded = "true";
        } catch (error) {
            if (error.name !== "AbortError") close();
        }
    };

    input.addEventListener("input", () => {
        clearTimeout(timer);
        isTyped = true;
        timer = setTimeout(ask, WAIT_MS);
    });
    input.addEventListener("click", () => { if (list.hidden) ask(); });
    input.addEventListener("keydown", (event) => {
        const all = options();
        const at = all.findIndex((option) => option.ariaSelected === "true");
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            if (list.hidden) ask();
            else if (all.length) mark(all[(event.key === "ArrowDown" ? at + 1 : Math.max(at, 0) - 1 + all.length) % all.length]);
        } else if (event.key === "Enter" && !list.hidden && all.length) {
            event.preventDefault();
            take(all[Math.max(at, 0)]);
        } else if (event.key === "Escape" && !list.hidden) {
            event.preventDefault();
            event.stopPropagation();
            close();
            left();
        }
    });
    list.addEventListener("mousedown", (event) => {
        event.preventDefault(); // the input keeps the focus
        const option = event.target.closest("[role=option]:not([aria-disabled])");
        if (option) take(option);
    });
    input.addEventListener("blur", () => {
        close();
        left();
    });
};

const source = ({ dataset }) => ({
    url: dataset.typeahead ?? dataset["ajax-Url"], app: dataset.appLabel, model: dataset.modelName, field: dataset.fieldName,
    nothing: dataset.nothing, more: dataset.more,
});

/** A select of one record: the select holds it, hidden; the combobox shows its name. */
const ofSelect = (select) => {
    if (select.hidden || select.name.includes("__prefix__")) return;
    const input = document.createElement("input");
    const label = select.labels[0];
    const show = () => { input.value = select.selectedOptions[0]?.value ? select.selectedOptions[0].textContent : ""; };
    const choose = (value, text) => {
        const option = [...select.options].find((other) => other.value === value) ?? new Option(text, value);
        select.add(option);
        option.selected = true;
        show();
        select.dispatchEvent(new Event("change", { bubbles: true }));
    };

    input.type = "text";
    input.className = "typeahead-input";
    input.placeholder = select.dataset.hint ?? "";
    input.disabled = select.disabled;
    if (label) {
        label.id ||= `${select.id}-label`;
        input.setAttribute("aria-labelledby", label.id);
        label.addEventListener("click", () => input.focus());
    } else {
        input.ariaLabel = select.ariaLabel;
    }
    for (const name of ["aria-describedby", "aria-invalid"]) {
        if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
    }
    const frame = document.createElement("span");
    frame.className = "typeahead";
    frame.append(input);
    const isInUse = document.activeElement === select;
    select.hidden = true;
    select.after(frame);
    combobox(input, source(select), {
        pick: choose,
        left: () => {
            if (!input.value && select.value) choose("", "");
            else show();
        },
    });
    input.addEventListener("focus", () => input.select());
    new MutationObserver(show).observe(select, { childList: true, subtree: true }); // from a window beside this one
    show();
    if (isInUse) input.focus();
};

/** A filter by some records: each that is picked becomes a ticked box. Without this script the field takes a number. */
const ofFilter = (input) => {
    const name = input.name;
    input.removeAttribute("name");
    input.inputMode = "text";
    input.placeholder = input.dataset.placeholder;
    input.ariaLabel = input.dataset.label;
    const boxes = () => {
        const made = document.createElement("ul");
        made.className = "boxes";
        return input.closest("fieldset").querySelector(".boxes") ?? (input.before(made), made);
    };
    combobox(input, source(input), {
        pick: (value, text) => {
            const item = document.createElement("li");
            const label = document.createElement("label");
            const box = document.createElement("input");
            const words = document.createElement("span");
            Object.assign(box, { type: "checkbox", name, value, checked: true });
            words.textContent = text;
            label.append(box, " ", words);
            item.append(label);
            boxes().prepend(item);
            input.value = "";
            input.focus();
        },
        left: () => { input.value = ""; },
    });
    if (input.value) input.dispatchEvent(new Event("input")); // typed before this script was there
};

const enhance = (root) => {
    root.querySelectorAll("select.admin-autocomplete").forEach(ofSelect);
    root.querySelectorAll("input[data-typeahead]").forEach(ofFilter);
};

enhance(document);
document.addEventListener("formset:added", (event) => enhance(event.target));
