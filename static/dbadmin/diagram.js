/* Zooming and moving the diagram, and showing what a table is tied to; it can be read, and followed, without. */
"use strict";

{
    const canvas = document.querySelector(".canvas");
    const svg = canvas?.querySelector("svg");
    const STEP = 1.2;
    const [LEAST, MOST, READABLE, LEGIBLE] = [0.2, 3, 0.75, 0.45];
    const MARGIN = 12; // around what is shown
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

    // As large as now, or as small as it must be for all of these to be in sight; where that is too small, the first.
    const show = (nodes) => {
        if (!nodes.length) {
            return;
        }
        const boxes = nodes.map((node) => node.getBBox());
        const span = (of) => [Math.min(...of.map(([from]) => from)), Math.max(...of.map(([, to]) => to))];
        const across = (some) => span(some.map((box) => [box.x, box.x + box.width]));
        const down = (some) => span(some.map((box) => [box.y, box.y + box.height]));
        const room = ([from, to], size) => size / (to - from + 2 * MARGIN);
        const wanted = Math.min(scale, room(across(boxes), canvas.clientWidth), room(down(boxes), canvas.clientHeight));
        const shown = wanted < LEGIBLE ? [boxes[0]] : boxes;
        set(Math.max(wanted, LEGIBLE));
        const middle = ([from, to], size) => (from + to) / 2 * scale - size / 2;
        canvas.scrollLeft = middle(across(shown), canvas.clientWidth);
        canvas.scrollTop = middle(down(shown), canvas.clientHeight);
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
        show([...svg.querySelectorAll(".node.on-way")]);
    }
}
