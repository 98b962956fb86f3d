/* The box that Ctrl-K opens: records by their names from the server, pages, and what this page can do. */
"use strict";

{
    const box = document.getElementById("palette");
    const text = document.getElementById("palette-text");
    const results = document.getElementById("palette-results");
    const status = document.getElementById("palette-status");
    const PAUSE_MS = 180;
    const COMMANDS = box.querySelector("template").content.querySelector("[data-name=commands]").textContent;

    if (/Mac|iPhone|iPad/.test(navigator.userAgent)) {
        document.querySelector("#search-open kbd").textContent = "⌘ K";
    }

    let waiting = 0;
    let asking = null;
    let answered = null; // the text that the results are for

    const items = () => [...results.querySelectorAll(".palette-item")];
    const chosen = () => results.querySelector("[aria-selected=true]");

    const choose = (item) => {
        chosen()?.setAttribute("aria-selected", "false");
        if (item) {
            item.setAttribute("aria-selected", "true");
            text.setAttribute("aria-activedescendant", item.id);
            item.scrollIntoView({block: "nearest"});
        } else {
            text.removeAttribute("aria-activedescendant");
        }
    };

    // What the buttons of this page do, by their names: those of every page, its tools, and what ends its form.
    const BUTTONS = "[data-command], .object-tools a, .submit-row :is(input[type=submit], .deletelink)";
    const commands = (wanted) => {
        const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
        return [...document.querySelectorAll(BUTTONS)]
            .map((button) => ({name: button.dataset.command ?? (button.value || button.textContent).trim(), button}))
            .filter(({name}) => words.every((word) => name.toLowerCase().split(/\s+/).some((part) => part.startsWith(word))));
    };

    const add = (tag, className, content, parent) => {
        const made = document.createElement(tag);
        made.className = className;
        made.textContent = content;
        parent.append(made);
        return made;
    };

    const show = (groups, wanted) => {
        results.replaceChildren();
        let count = 0;
        for (const [index, group] of groups.entries()) {
            const place = add("div", "palette-group", "", results);
            place.setAttribute("role", "group");
            const title = add("div", "title", group.name, place);
            title.setAttribute("role", "presentation"); // a list box has groups and options, and no headings
            title.id = `palette-group-${index}`;
            place.setAttribute("aria-labelledby", title.id);
            for (const found of group.items) {
                const item = add("a", "palette-item", "", place);
                item.id = `palette-item-${count++}`;
                item.setAttribute("role", "option");
                item.setAttribute("aria-selected", "false");
                item.tabIndex = -1;
                if (found.url) {
                    item.href = found.url;
                }
                item.command = found.button;
                add("span", "name", found.name, item);
                if (found.note) {
                    add("span", "note", found.note, item);
                }
            }
        }
        answered = wanted;
        choose(items()[0]);
        status.textContent = count ? `${status.dataset.found} ${count}` : (wanted ? status.dataset.none : "");
        status.classList.toggle("quietly", count > 0);
    };

    const ask = async () => {
        const wanted = text.value.trim();
        asking?.abort();
        asking = new AbortController();
        try {
            const answer = await fetch(`${box.dataset.url}?q=${encodeURIComponent(wanted)}`, {
                headers: {Accept: "application/json"}, signal: asking.signal,
            });
            if (answer.redirected) {
                window.location.reload(); // logged out
                return;
            }
            if (!answer.ok) {
                throw new Error(String(answer.status));
            }
            const {records, pages} = await answer.json();
            const own = commands(wanted);
            show([...records, ...pages, ...(own.length ? [{name: COMMANDS, items: own}] : [])], wanted);
        } catch (error) {
            if (error.name !== "AbortError") {
                results.replaceChildren();
                status.textContent = status.dataset.failed;
                status.classList.remove("quietly");
            }
        }
    };

    const open = () => {
        if (!box.open) {
            for (const other of document.querySelectorAll("dialog[open]")) {
                other.close();
            }
            box.showModal();
            text.select();
            ask();
        }
    };

    const follow = (item) => {
        if (item?.command) {
            box.close();
            item.command.click();
        } else {
            item?.click();
        }
    };

    const opener = document.getElementById("search-open");
    opener?.setAttribute("aria-haspopup", "dialog"); // without this it leads to a page
    opener?.addEventListener("click", (event) => {
        if (!(event.ctrlKey || event.metaKey || event.shiftKey)) {
            event.preventDefault();
            open();
        }
    });
    document.addEventListener("keydown", (event) => {
        if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
            event.preventDefault();
            open();
        }
    });
    text.addEventListener("input", () => {
        window.clearTimeout(waiting);
        waiting = window.setTimeout(ask, PAUSE_MS);
    });
    text.addEventListener("keydown", (event) => {
        const all = items();
        const at = all.indexOf(chosen());
        const to = {ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length}[event.key];
        if (to !== undefined && all.length) {
            event.preventDefault();
            choose(all[to]);
        } else if (event.key === "Enter" && !event.isComposing) {
            event.preventDefault();
            window.clearTimeout(waiting);
            const wanted = text.value.trim();
            (answered === wanted ? Promise.resolve() : ask()).then(() => answered === wanted && follow(chosen()));
        }
    });
    results.addEventListener("click", (event) => {
        const item = event.target.closest(".palette-item");
        if (item?.command) {
            follow(item);
        }
    });
}
