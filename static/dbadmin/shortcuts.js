/* Keys that do something: none of them is the only way to do it, and single ones can be turned off. */
"use strict";

{
    const PAUSE_MS = 1200; // between g and where to go
    const hasSingleKeys = !("noShortcuts" in document.body.dataset);
    let isGoing = 0;

    const isTyping = (target) => target.isContentEditable || target.matches("input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select");
    const find = (selector) => [...document.querySelectorAll(selector)].find((found) => found.offsetParent !== null);

    const save = () => {
        const button = find("#content [name=_save], #content form [type=submit].default");
        button?.form?.requestSubmit(button);
        return Boolean(button);
    };

    const rows = () => [...document.querySelectorAll(":is(#result_list, .entries, .listing) > tbody > tr")].filter((row) => row.querySelector("th a, td a"));
    const current = () => rows().findIndex((row) => row.contains(document.activeElement));
    const move = (by) => {
        const all = rows();
        const at = current();
        const row = all[Math.min(Math.max(at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by, 0), all.length - 1)];
        row?.querySelector("th a, td a").focus();
        row?.scrollIntoView({block: "nearest"});
        return Boolean(row);
    };

    const does = {
        "?": () => document.getElementById("shortcuts").showModal(),
        "/": () => (find("#searchbar") ?? find("#search-open"))?.[find("#searchbar") ? "focus" : "click"](),
        t: () => {
            if (!find("#nav-filter")) {
                document.getElementById("nav-toggle")?.click();
            }
            find("#nav-filter")?.focus();
        },
        n: () => find(".object-tools .addlink")?.click(),
        j: () => move(1),
        k: () => move(-1),
        x: () => rows()[current()]?.querySelector(".action-select")?.click(),
        g: () => { isGoing = Date.now(); },
    };

    document.addEventListener("keydown", (event) => {
        if (event.defaultPrevented || event.isComposing) {
            return;
        }
        const isCommand = event.ctrlKey || event.metaKey;
        if (isCommand && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "s") {
            if (!document.querySelector("dialog[open]") && save()) {
                event.preventDefault();
            }
            return;
        }
        if (!hasSingleKeys || isCommand || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) {
            return;
        }
        const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        if (Date.now() - isGoing < PAUSE_MS) {
            isGoing = 0;
            document.querySelector(`[data-go="${CSS.escape(key)}"]`)?.click();
            event.preventDefault();
        } else if (Object.hasOwn(does, key)) {
            event.preventDefault();
            does[key]();
        }
    });
}
