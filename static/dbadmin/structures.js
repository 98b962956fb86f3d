/*
 * Lists of texts and JSON objects, edited row by row. The area with the text stays in the form and is what is sent;
 * it is written only when somebody changes a row, so that what nobody touched goes back as it came.
 */
"use strict";

{
    const NUMBER = "\uE000"; // stands before a number, which is kept as it is written, digit for digit
    const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
    const IS_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

    const parse = (text) => {
        if (text.includes(NUMBER)) {
            return undefined;
        }
        try {
            return JSON.parse(text.replace(TOKEN, (token) => (token[0] === '"' ? token : `"${NUMBER}${token}"`)));
        } catch {
            return undefined;
        }
    };
    const write = (value, indent) => JSON.stringify(value, null, indent).replace(/"\uE000([^"]+)"/g, "$1");
    const isNumber = (value) => typeof value === "string" && value.startsWith(NUMBER);
    const isText = (value) => typeof value === "string" && !isNumber(value);
    const isTexts = (value) => Array.isArray(value) && value.every(isText);
    const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

    const make = (tag, attributes = {}, ...children) => {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes)) {
            if (name.startsWith("on")) {
                element.addEventListener(name.slice(2), value);
            } else if (value !== false && value !== undefined) {
                element.setAttribute(name, value === true ? "" : value);
            }
        }
        element.append(...children);
        return element;
    };
    const icon = (name, label, onclick) => {
        const shown = make("span", {"aria-hidden": "true"}, {up: "↑", down: "↓", remove: "×"}[name]);
        return make("button", {type: "button", class: `icon ${name}`, "aria-label": label, title: label, onclick}, shown);
    };
    const named = (template, number) => template.replace("%s", number);

    /* Moving and removing rows, the same for all: the focus stays where the work is. */
    const rowsOf = (list, changed, renumber) => {
        const focus = (row) => row.querySelector("input, textarea, select").focus();
        return {
            move(row, step) {
                const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
                if (other) {
                    list.insertBefore(row, step < 0 ? other : other.nextSibling);
                    focus(row);
                    renumber();
                    changed();
                }
            },
            remove(row, otherwise) {
                const next = row.nextElementSibling || row.previousElementSibling;
                row.remove();
                renumber();
                changed();
                if (next) {
                    focus(next);
                } else {
                    otherwise.focus();
                }
            },
        };
    };

    /* A list of texts. `changed` is called with the items. */
    const listEditor = (items, texts, changed) => {
        const list = make("ol", {class: "items"});
        const values = () => [...list.children]
            .map((row) => ({text: row.querySelector("textarea").value, original: row.original}))
            .filter(({text, original}) => text.trim() || text === original)
            .map(({text}) => text);
        const tell = () => changed(values());
        const renumber = () => [...list.children].forEach((row, index) => {
            row.querySelector("textarea").setAttribute("aria-label", named(texts.item, index + 1));
            row.querySelector(".up").disabled = index === 0;
            row.querySelector(".down").disabled = index === list.children.length - 1;
        });
        const rows = rowsOf(list, tell, renumber);
        const addRow = (text, after) => {
            const area = make("textarea", {rows: 1, oninput: tell});
            area.value = text ?? "";
            const row = make("li", {class: "item"}, area,
                icon("up", texts.up, () => rows.move(row, -1)),
                icon("down", texts.down, () => rows.move(row, 1)),
                icon("remove", texts.remove, () => rows.remove(row, add)));
            row.original = text;
            area.addEventListener("keydown", (event) => {
                if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
                    event.preventDefault();
                    addRow(undefined, row).focus();
                } else if (event.key === "Backspace" && !area.value && list.children.length > 1) {
                    event.preventDefault();
                    rows.remove(row, add);
                } else if (event.altKey && ["ArrowUp", "ArrowDown"].includes(event.key)) {
                    event.preventDefault();
                    rows.move(row, event.key === "ArrowUp" ? -1 : 1);
                }
            });
            list.insertBefore(row, after ? after.nextSibling : null);
            renumber();
            return area;
        };
        const add = make("button", {type: "button", class: "add-row", onclick: () => addRow(undefined).focus()}, texts.add);
        items.forEach((text) => addRow(text));
        return make("div", {class: "list-editor"}, list, add);
    };

    /* One value of an object: [its element, a function that returns it as JSON]. */
    const valueEditor = (kind, value, texts, changed) => {
        const label = {"aria-label": texts.value};
        if (kind === "list") {
            let items = isTexts(value) ? value : isText(value) && value ? [value] : [];
            return [listEditor(items, texts, (now) => { items = now; changed(); }), () => JSON.stringify(items)];
        }
        if (kind === "truth") {
            const choice = make("select", {...label, onchange: changed},
                make("option", {value: "true"}, texts.yes), make("option", {value: "false"}, texts.no));
            choice.value = String(value === true);
            return [choice, () => choice.value];
        }
        if (kind === "number") {
            const input = make("input", {...label, type: "text", inputmode: "decimal"});
            input.value = isNumber(value) ? value.slice(1) : isText(value) && IS_NUMBER.test(value) ? value : "";
            const check = () => {
                const isGood = IS_NUMBER.test(input.value.trim());
                input.setCustomValidity(isGood ? "" : texts.no_number);
                input.setAttribute("aria-invalid", String(!isGood));
            };
            check();
            input.addEventListener("input", () => { check(); changed(); });
            return [input, () => input.value.trim() || "null"];
        }
        if (kind === "nothing") {
            return [make("span", {class: "quiet"}, texts.nothing_here), () => "null"];
        }
        const area = make("textarea", {...label, rows: 1, class: kind === "json" ? "code" : "", oninput: changed});
        if (kind === "json") {
            area.value = value === undefined ? "{}" : write(value, 2);
            return [area, () => area.value.trim() || "null"];
        }
        area.value = isTexts(value) ? value.join(", ") : isText(value) ? value : isNumber(value) ? value.slice(1) : "";
        return [area, () => JSON.stringify(area.value)];
    };
    const kindOf = (value) => {
        if (value === null) {
            return "nothing";
        }
        return isNumber(value) ? "number" : isText(value) ? "text" : typeof value === "boolean" ? "truth" : isTexts(value) ? "list" : "json";
    };
    const KINDS = ["text", "number", "truth", "list", "nothing", "json"];

    /* An object of names and values. `changed` is called with its JSON. */
    const objectEditor = (object, texts, changed) => {
        const list = make("ul", {class: "entries"});
        const tell = () => {
            const entries = [...list.children].filter((row) => row.isKept()).map((row) => row.json());
            changed(entries.length ? `{\n  ${entries.join(",\n  ")}\n}` : "");
        };
        const rows = rowsOf(list, tell, () => {});
        const addRow = (name, value, isNew) => {
            const input = make("input", {type: "text", class: "entry-name", "aria-label": texts.name, placeholder: texts.name, oninput: tell});
            input.value = name;
            const kind = make("select", {class: "entry-kind", "aria-label": texts.kind},
                ...KINDS.map((each) => make("option", {value: each}, texts.kinds[each])));
            kind.value = kindOf(value);
            let [editor, json] = valueEditor(kind.value, value, texts, tell);
            const place = make("div", {class: "entry-value"}, editor);
            kind.addEventListener("change", () => {
                const before = parse(json());
                [editor, json] = valueEditor(kind.value, before, texts, tell);
                place.replaceChildren(editor);
                tell();
            });
            const row = make("li", {class: "entry"}, input, kind, place,
                icon("remove", texts.remove, () => rows.remove(row, add)));
            row.isKept = () => !isNew || input.value !== "";
            row.json = () => `${JSON.stringify(input.value)}: ${json()}`;
            list.append(row);
            return input;
        };
        const add = make("button", {type: "button", class: "add-row", onclick: () => addRow("", "", true).focus()}, texts.add_entry);
        Object.entries(object).forEach(([name, value]) => addRow(name, value, false));
        return make("div", {class: "object-editor"}, list, add);
    };

    const readList = (text) => {
        if (!text.trim()) {
            return [];
        }
        if (!text.trimStart().startsWith("[")) {
            return text.split("\n").filter((line) => line.trim());
        }
        const items = parse(text);
        return isTexts(items) ? items : undefined;
    };
    const readObject = (text) => {
        const value = text.trim() ? parse(text) : {};
        return isObject(value) ? value : undefined;
    };

    /* Puts the rows in the area's place, and a way back to the text. */
    const enhance = (area) => {
        const texts = JSON.parse(area.dataset.texts);
        const isList = area.dataset.editor === "list";
        const label = document.querySelector(`label[for="${area.id}"]`);
        const changed = (value) => {
            area.value = isList ? (value.length ? JSON.stringify(value) : "") : value;
            area.dispatchEvent(new Event("input", {bubbles: true}));
        };
        const build = () => {
            const value = isList ? readList(area.value) : readObject(area.value);
            return value && (isList ? listEditor(value, texts, changed) : objectEditor(value, texts, changed));
        };
        let editor;
        const holder = make("div", {class: "structure", role: "group"});
        if (label) {
            label.id ||= `${area.id}_label`;
            holder.setAttribute("aria-labelledby", label.id);
        }
        if (area.hasAttribute("aria-describedby")) {
            holder.setAttribute("aria-describedby", area.getAttribute("aria-describedby"));
        }
        const message = make("span", {class: "quiet", role: "status"});
        const toggle = make("button", {type: "button", class: "as-text"});
        const show = () => {
            editor = build();
            holder.querySelector(":scope > .list-editor, :scope > .object-editor")?.remove();
            area.hidden = Boolean(editor);
            if (editor) {
                holder.prepend(editor);
            }
            toggle.textContent = editor ? texts.as_text : texts.as_rows;
        };
        toggle.addEventListener("click", () => {
            message.textContent = "";
            if (editor) {
                editor.remove();
                editor = undefined;
                area.hidden = false;
                toggle.textContent = texts.as_rows;
                area.focus();
            } else {
                show();
                message.textContent = editor ? "" : texts.unreadable;
            }
        });
        const isTypedIn = document.activeElement === area; // before this script was there
        area.before(holder);
        holder.append(area, make("div", {class: "structure-tools"}, toggle, message));
        if (isTypedIn) {
            toggle.textContent = texts.as_rows;
            area.focus();
        } else {
            show();
        }
        label?.addEventListener("click", () => (editor ?? holder).querySelector("input, textarea, button")?.focus());
    };

    document.querySelectorAll("textarea[data-editor]").forEach(enhance);
    document.querySelectorAll("#content-main form").forEach((form) => form.addEventListener("submit", (event) => {
        const bad = [...form.querySelectorAll(".structure input")].find((input) => !input.validity.valid);
        if (bad) {
            event.preventDefault();
            bad.reportValidity();
        }
    }));
}
