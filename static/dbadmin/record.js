/* Long texts: how many words they have, and as much room as they need. A warning before what was typed is lost. */
"use strict";

{
    const PAUSE_MS = 150;
    const form = document.querySelector("#content-main form[method=post]:has(.submit-row)");

    const words = (text) => text.match(/\S+/g)?.length ?? 0;

    const watch = (area) => {
        const count = document.createElement("output");
        const place = document.createElement("span");
        place.className = "word-count";
        place.append(`${area.dataset.words} `, count);
        const column = area.dataset.take && form.querySelector("input[name=word_count]");
        if (column) {
            const take = document.createElement("button");
            take.type = "button";
            take.textContent = area.dataset.take;
            take.addEventListener("click", () => {
                column.value = words(area.value);
                column.dispatchEvent(new Event("input", {bubbles: true}));
                column.focus();
            });
            place.append(take);
        }
        area.closest(".flex-container").append(place);
        const tell = () => {
            count.value = words(area.value).toLocaleString(document.documentElement.lang || "en");
        };
        let waiting;
        area.addEventListener("input", () => {
            window.clearTimeout(waiting);
            waiting = window.setTimeout(tell, PAUSE_MS);
        });
        tell();
    };

    /* Where the browser does not size areas by what is in them. */
    const size = (area) => {
        area.style.height = "auto";
        area.style.height = `${Math.min(area.scrollHeight + 2, window.innerHeight * 0.7)}px`;
    };

    if (form) {
        form.querySelectorAll("textarea[data-words]").forEach(watch);
        if (!CSS.supports("field-sizing", "content")) {
            form.querySelectorAll("textarea").forEach((area) => {
                size(area);
                area.addEventListener("input", () => size(area));
            });
        }
        const state = (of) => new URLSearchParams(new FormData(of)).toString();
        const untouched = form.cloneNode(true);
        untouched.reset(); // what was typed before this script was there is not saved either
        const before = document.querySelector(".errornote") ? "" : state(untouched); // what came back was not saved
        let isSent = false;
        form.addEventListener("submit", (event) => {
            isSent = !event.defaultPrevented;
        });
        window.addEventListener("beforeunload", (event) => {
            if (!isSent && state(form) !== before) {
                event.preventDefault();
            }
        });
    }
}
