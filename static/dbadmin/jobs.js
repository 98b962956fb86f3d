/* Keeps what a page shows of running jobs up to date; the page says the same without it, once it is loaded again. */
"use strict";

{
    const address = document.currentScript.dataset.url;
    const PAUSE_MS = 1500;

    const running = () => [...document.querySelectorAll("[data-job]:not([data-finished])")];

    const show = (place, job) => {
        const state = place.querySelector("[data-state]");
        state.textContent = job.state_name;
        state.dataset.state = job.state;
        for (const part of ["label", "amount"]) {
            place.querySelector(`[data-part=${part}]`).textContent = job[part];
        }
        const bar = place.querySelector("progress");
        bar.hidden = job.state !== "running";
        if (job.total) {
            bar.max = job.total;
            bar.value = job.done;
        } else {
            bar.removeAttribute("value");
        }
    };

    // What a job has done shows when the page is loaded again; never while somebody fills in a form.
    const FIELDS = "#content :is(input:not([type=hidden], [type=submit]), select)";
    const isBusy = () => [...document.querySelectorAll(FIELDS)].some((field) =>
        field === document.activeElement || (["text", "file"].includes(field.type) && field.value !== field.defaultValue));

    const ask = async () => {
        const places = running();
        if (!places.length) {
            return;
        }
        if (!document.hidden) {
            const query = places.map((place) => `id=${place.dataset.job}`).join("&");
            const answer = await fetch(`${address}?${query}`, {headers: {Accept: "application/json"}});
            if (answer.redirected || !answer.ok) {
                return; // logged out
            }
            const jobs = new Map((await answer.json()).jobs.map((job) => [String(job.id), job]));
            let hasEnded = false;
            for (const place of places) {
                const job = jobs.get(place.dataset.job);
                if (job) {
                    show(place, job);
                    if (job.is_finished) {
                        place.dataset.finished = "";
                        hasEnded = true;
                    }
                }
            }
            if (hasEnded && !isBusy()) {
                window.location.reload();
                return;
            }
        }
        window.setTimeout(again, PAUSE_MS);
    };

    const again = () => ask().catch(() => window.setTimeout(again, PAUSE_MS * 4)); // the server is away
    window.setTimeout(again, PAUSE_MS);
}
