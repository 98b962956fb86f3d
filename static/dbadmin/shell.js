/* The frame of every page: the theme changes at once, menus and dialogs open and close. Forms do the same without it. */
"use strict";

{
    const html = document.documentElement;

    // Theme: kept by the server; the page follows before it answers.
    document.addEventListener("submit", (event) => {
        const form = event.target;
        const chosen = event.submitter;
        if (!form.matches(".theme-form") || chosen?.name !== "theme") {
            return;
        }
        event.preventDefault();
        const before = html.dataset.theme;
        const show = (theme) => {
            html.dataset.theme = theme;
            for (const button of document.querySelectorAll(".theme-form button")) {
                button.setAttribute("aria-pressed", String(button.value === theme));
            }
        };
        show(chosen.value);
        fetch(form.action, {method: "POST", headers: {Accept: "application/json"}, body: new FormData(form, chosen)})
            .then((answer) => answer.ok || show(before), () => show(before));
    });

    // Menus close when something else is done.
    const menus = () => document.querySelectorAll("details.menu[open]");
    document.addEventListener("click", (event) => {
        for (const menu of menus()) {
            if (!menu.contains(event.target)) {
                menu.open = false;
            }
        }
    });
    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape") {
            for (const menu of menus()) {
                menu.open = false;
                menu.querySelector("summary").focus();
            }
        }
    });

    // Dialogs: a button opens one, a click beside it closes it.
    document.addEventListener("click", (event) => {
        const opener = event.target.closest("[data-opens]");
        if (opener) {
            menus().forEach((menu) => { menu.open = false; });
            document.getElementById(opener.dataset.opens).showModal();
        } else if (event.target.matches("dialog")) {
            const box = event.target.getBoundingClientRect();
            const isInside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
            if (!isInside) {
                event.target.close();
            }
        }
    });
}
