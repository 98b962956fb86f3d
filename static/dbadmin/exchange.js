/* Small helps on the pages of imports and exports; each works without them too. */
"use strict";

{
    // A file that is too large is told before it travels.
    for (const form of document.querySelectorAll("form[data-upload]")) {
        const field = form.querySelector("input[type=file]");
        const warning = form.querySelector("[data-too-large]");
        const isTooLarge = () => [...field.files].some((file) => file.size > Number(form.dataset.max));
        const warn = () => {
            warning.hidden = !isTooLarge();
        };
        field.addEventListener("change", warn);
        warn();
        form.addEventListener("submit", (event) => {
            if (isTooLarge()) {
                event.preventDefault();
                warning.hidden = false;
                field.focus();
            }
        });
    }

    // A column that is left out looks so.
    for (const row of document.querySelectorAll(".mapping tbody tr")) {
        const choice = row.querySelector("select");
        const show = () => row.classList.toggle("left-out", !choice.value);
        choice.addEventListener("change", show);
        show();
    }

    for (const form of document.querySelectorAll("form[data-export]")) {
        // What a kind of file has no use for is not asked.
        const kind = form.querySelector("select[name=format]");
        const fit = () => {
            for (const part of form.querySelectorAll("[data-for]")) {
                part.hidden = !part.dataset.for.split(" ").includes(kind.value);
            }
        };
        kind.addEventListener("change", fit);
        fit();

        const boxes = form.querySelectorAll(".ticks input[type=checkbox]");
        const pickers = form.querySelector("[data-pickers]");
        pickers.addEventListener("click", (event) => {
            const button = event.target.closest("button");
            if (button) {
                for (const box of boxes) {
                    box.checked = "all" in button.dataset;
                }
            }
        });
    }
}
