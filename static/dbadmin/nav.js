/* The navigation: its filter, and opening and closing it. Without this it stays open, or opens by its address. */
"use strict";

{
    const nav = document.getElementById("nav-sidebar");
    const toggle = document.getElementById("nav-toggle");
    const wide = window.matchMedia("(min-width: 1024px)");

    if (nav && toggle) {
        const isOpen = () => (wide.matches ? !nav.hasAttribute("data-closed") : nav.hasAttribute("data-open"));
        const tell = () => toggle.setAttribute("aria-expanded", String(isOpen()));

        const show = (open) => {
            if (wide.matches) {
                nav.toggleAttribute("data-closed", !open);
                document.cookie = `nav=${open ? "open" : "closed"};path=/;max-age=31536000;samesite=lax`;
            } else {
                nav.toggleAttribute("data-open", open);
                (open ? nav.querySelector("#nav-filter") : toggle).focus();
            }
            tell();
        };

        toggle.setAttribute("role", "button");
        toggle.addEventListener("click", (event) => {
            event.preventDefault();
            show(!isOpen());
        });
        toggle.addEventListener("keydown", (event) => {
            if (event.key === " ") {
                event.preventDefault();
                show(!isOpen());
            }
        });
        nav.querySelector(".nav-close").addEventListener("click", (event) => {
            event.preventDefault();
            show(false);
        });
        document.addEventListener("click", (event) => {
            if (nav.hasAttribute("data-open") && !nav.contains(event.target) && !toggle.contains(event.target)) {
                show(false);
            }
        });
        document.addEventListener("keydown", (event) => {
            if (event.key === "Escape" && nav.hasAttribute("data-open")) {
                show(false);
            }
        });
        nav.addEventListener("focusout", (event) => { // whoever goes on by keyboard sees where they are
            if (event.relatedTarget && !nav.contains(event.relatedTarget)) {
                nav.removeAttribute("data-open");
                tell();
            }
        });
        wide.addEventListener("change", () => {
            nav.removeAttribute("data-open");
            tell();
        });
        tell();
    }

    if (nav) {
        const filter = nav.querySelector("#nav-filter");
        const none = nav.querySelector("#nav-none");
        const entries = [...nav.querySelectorAll("li")].map((item) => ({item, link: item.querySelector("a"), name: item.querySelector("a").textContent.toLowerCase()}));
        const shown = () => entries.filter(({item}) => !item.hidden).map(({link}) => link);

        const narrow = () => {
            const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
            for (const {item, name} of entries) {
                item.hidden = !words.every((word) => name.includes(word));
            }
            for (const group of nav.querySelectorAll(".nav-group")) {
                group.hidden = !group.querySelector("li:not([hidden])");
            }
            none.textContent = shown().length ? "" : none.dataset.text;
        };

        filter.addEventListener("input", narrow);
        filter.addEventListener("keydown", (event) => {
            if (event.key === "Escape" && filter.value) {
                event.stopPropagation();
                filter.value = "";
                narrow();
            } else if (event.key === "Enter" && filter.value && shown().length) {
                event.preventDefault();
                shown()[0].click();
            } else if (event.key === "ArrowDown") {
                event.preventDefault();
                shown()[0]?.focus();
            }
        });
        nav.addEventListener("keydown", (event) => {
            const links = shown();
            const at = links.indexOf(document.activeElement);
            if (at >= 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
                event.preventDefault();
                const next = links[at + (event.key === "ArrowDown" ? 1 : -1)];
                (next ?? (event.key === "ArrowUp" ? filter : links[at])).focus();
            }
        });

        narrow(); // by what was typed before this script was there

        // The page that one is on shows, however long the list is.
        const current = nav.querySelector("li.current");
        if (current) {
            nav.scrollTop = Math.max(0, current.offsetTop - nav.clientHeight / 2);
        }
    }
}
