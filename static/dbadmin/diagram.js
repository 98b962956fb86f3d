/* Zooming and moving the diagram, and showing what a table is tied to; it can be read, and followed, without. */
"use strict";

{
    const canvas = document.querySelector(".canvas");
    const svg = canvas?.querySelector("svg");
    const STEP = 1.2;
    const [LEAST, MOST, READABLE] = [0.2, 3, 0.75];
    let scale = 1;

    const set = (wanted, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) => {
        const before = scale;
        scale = Math.min(MOST, Math.max(LEAST, wanted));
        const [left, top] = [canvas.scrollLeft + x, canvas.scrollTop + y];
        svg.setAttribute("width", Math.round(svg.dataset.width * scale));
        svg.setAttribute("height", Math.round(svg.dataset.height * scale));
        canvas.scrollLeft = left * scale / before - x;
        canvas.scrollTop = top * scale / before - y;
        document.querySelector("[data-zoom-level]").textContent = `${Math.round(scale * 100)} %`;
    };

    const whole = () => Math.min(1, canvas.clientWidth / svg.dataset.width);
    const fit = () => set(whole());

    const zooms = {in: () => set(scale * STEP), out: () => set(scale / STEP), fit};

    const keys = {"+": zooms.in, "=": zooms.in, "-": zooms.out, "0": fit};

    const look = (node) => {
        svg.querySelectorAll(".near, .here").forEach((thing) => thing.classList.remove("near", "here"));
        svg.classList.toggle("looked-at", Boolean(node));
        if (!node) {
            return;
        }
        const name = node.dataset.table;
        node.classList.add("here");
        for (const line of svg.querySelectorAll(".line")) {
            const ends = [line.dataset.table, line.dataset.references];
            if (ends.includes(name)) {
                line.classList.add("near");
                for (const end of ends) {
                    svg.querySelector(`.node[data-table="${end}"]`).classList.add("near");
                }
            }
        }
    };

    const drag = (event) => {
        if (event.button !== 0 || event.pointerType === "touch" || event.target.closest(".node")) {
            return;
        }
        const from = [event.clientX + canvas.scrollLeft, event.clientY + canvas.scrollTop];
        const move = (moved) => {
            canvas.scrollLeft = from[0] - moved.clientX;
            canvas.scrollTop = from[1] - moved.clientY;
        };
        const end = () => {
            canvas.classList.remove("dragged");
            canvas.removeEventListener("pointermove", move);
        };
        canvas.setPointerCapture(event.pointerId);
        canvas.classList.add("dragged");
        canvas.addEventListener("pointermove", move);
        canvas.addEventListener("pointerup", end, {once: true});
        canvas.addEventListener("pointercancel", end, {once: true});
    };

    if (svg) {
        document.querySelector(".zoom").addEventListener("click", (event) => zooms[event.target.dataset.zoom]?.());
        canvas.addEventListener("keydown", (event) => {
            if (keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
                event.preventDefault();
                keys[event.key]();
            }
        });
        canvas.addEventListener("wheel", (event) => {
            if (event.ctrlKey) {
                event.preventDefault();
                const place = canvas.getBoundingClientRect();
                set(scale * (event.deltaY < 0 ? STEP : 1 / STEP), event.clientX - place.left, event.clientY - place.top);
            }
        }, {passive: false});
        canvas.addEventListener("pointerdown", drag);
        for (const node of svg.querySelectorAll(".node")) {
            node.addEventListener("pointerenter", () => look(node));
            node.addEventListener("pointerleave", () => look(svg.querySelector(".node:focus")));
            node.addEventListener("focus", () => {
                look(node);
                node.scrollIntoView({block: "nearest", inline: "nearest"});
            });
            node.addEventListener("blur", () => look(null));
        }
        set(Math.max(READABLE, whole()));
        canvas.scrollTop = (canvas.scrollHeight - canvas.clientHeight) / 2;
        const [first] = svg.querySelectorAll(".node.on-way");
        if (first) {
            const [place, frame] = [first.getBoundingClientRect(), canvas.getBoundingClientRect()];
            canvas.scrollLeft += place.left - frame.left - (canvas.clientWidth - place.width) / 2;
            canvas.scrollTop += place.top - frame.top - (canvas.clientHeight - place.height) / 2;
        }
    }
}
