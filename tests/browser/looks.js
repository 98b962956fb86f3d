/*
 * What the tests ask of a page, beside axe: what is wrong with it as it is now, and what else on it opens by a click.
 *
 * Half of axe's time goes into contrasts. One depends on the colours of a text and of what is behind it alone, so each
 * such combination is measured on the first page that has it, and on no other: `known` are those that were good.
 */
"use strict";

window.looks = (() => {
    const OPENERS = "summary, [aria-expanded=false], [aria-haspopup], [popovertarget], button[type=button]";
    const PATIENCE_MS = 20_000;
    const CLEAR = "rgba(0, 0, 0, 0)";

    const isShown = (element) => element.checkVisibility({visibilityProperty: true});
    const shown = () => [...document.querySelectorAll("body *")].filter(isShown);

    const hasText = (element) => !element.closest("[aria-hidden=true]")
        && (element.matches("input, select, textarea") || [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()));

    /* The colours of a text, and of all that is behind it; `kept` has those of the elements that were asked before. */
    const behind = (element, kept) => {
        if (!element) {
            return "";
        }
        if (!kept.has(element)) {
            const {backgroundColor, backgroundImage, opacity, position, filter, mixBlendMode} = getComputedStyle(element);
            const own = [
                backgroundColor === CLEAR ? "" : backgroundColor, backgroundImage === "none" ? "" : backgroundImage,
                opacity === "1" ? "" : opacity, ["static", "relative"].includes(position) ? "" : position,
                filter === "none" ? "" : filter, mixBlendMode === "normal" ? "" : mixBlendMode,
            ].join("");
            kept.set(element, behind(element.parentElement, kept) + (own && `/${own}`));
        }
        return kept.get(element);
    };
    const colours = (element, kept) => {
        const {color, fontSize, fontWeight, textShadow} = getComputedStyle(element);
        const beside = element.localName === "a" ? getComputedStyle(element.parentElement).color : "";
        return [color, beside, fontSize, fontWeight, textShadow, behind(element, kept)].join(" ");
    };

    /* What something is made of: two with the same are of one kind. */
    const shape = (element) => [
        element.localName, element.type ?? "", element.getAttribute("role") ?? "", ...[...element.classList].sort(),
        ...Object.keys(element.dataset).sort(),
    ].join(".");
    const made = (name, whole) => {
        const parts = [whole, ...whole?.querySelectorAll("*") ?? []].filter((part) => !part?.closest("[role=listbox]"));
        return [...new Set(parts.map((part) => `${name} > ${part ? shape(part) : ""}`))];
    };

    /* What is on every page around its main part, unless something in it is of a kind that is not known. */
    const frames = () => [...document.querySelectorAll("header, nav, dialog")].filter((frame) => !frame.closest("main"));
    const kindsOfFrames = () => frames().flatMap((frame) => made(shape(frame), frame));
    const knownFrames = (kinds) => {
        const before = new Set(kinds);
        return frames().filter((frame) => made(shape(frame), frame).every((kind) => before.has(kind)));
    };

    const isContrast = ({id}) => id === "color-contrast";
    let passedOver; // what axe did not measure or could not, when it was last asked
    let matches;

    /* Returns what axe finds wrong with the page, or with parts of it, and what is known now. */
    const wrong = async (rules, known, parts) => {
        const rule = axe._audit.rules.find(isContrast);
        const before = new Set(known.colours), good = new Set(), kept = new Map();
        passedOver = new WeakSet();
        matches ??= rule.matches;
        rule.matches = (element, ...more) => {
            const its = colours(element, kept);
            if (before.has(its)) {
                return false;
            }
            if (!matches.call(rule, element, ...more)) {
                passedOver.add(element);
                return false;
            }
            good.add(its);
            return true;
        };
        const context = parts ? {include: parts} : {include: [document], exclude: knownFrames(known.kinds)};
        const {violations, incomplete} = await axe.run(context, {...rules, elementRef: true, resultTypes: ["violations", "incomplete"]});
        const measured = (results) => results.filter(isContrast).flatMap(({nodes}) => nodes.map(({element}) => element));
        const unsure = measured(incomplete);
        unsure.forEach((element) => passedOver.add(element));
        [...measured(violations), ...unsure].forEach((element) => good.delete(colours(element, kept)));
        const faults = violations.flatMap(({id, impact, nodes}) => nodes.map(
            ({target, html}) => `${id} (${impact}): ${target} ${html.slice(0, 160)}`));
        return {faults, colours: [...good], kinds: parts ? [] : kindsOfFrames()};
    };

    /* The same of a page that axe has seen, where nothing but its colours is different: mostly all are known. */
    const wrongColours = async (rules, known, parts) => {
        const before = new Set(known.colours), kept = new Map();
        const isNew = (element) => hasText(element) && !passedOver.has(element) && !before.has(colours(element, kept));
        return shown().some(isNew) ? wrong(rules, known, parts) : {faults: [], colours: [], kinds: []};
    };

    const opened = (opener) => opener.matches("summary")
        ? opener.parentElement
        : document.getElementById(opener.getAttribute("aria-controls") ?? opener.getAttribute("popovertarget"));
    const kinds = (opener) => made(shape(opener), opened(opener));

    const isOpen = (opener) => opener.matches("summary") ? opener.parentElement.open : opener.ariaExpanded === "true";
    const isInReach = (opener) => {
        if (opener.disabled || !isShown(opener)) {
            return false;
        }
        opener.scrollIntoView({block: "center", inline: "center"});
        const {left, right, top, bottom} = opener.getBoundingClientRect();
        return opener.contains(document.elementFromPoint((left + right) / 2, (top + bottom) / 2));
    };

    /* Returns an opener that is in reach, and of whose kind there is something that is not known: first in what came last. */
    let last = [];
    const next = (known) => {
        const before = new Set(known);
        return [...last.flatMap((part) => [...part.querySelectorAll(OPENERS)]), ...document.querySelectorAll(OPENERS)]
            .find((opener) => !isOpen(opener) && kinds(opener).some((kind) => !before.has(kind)) && isInReach(opener));
    };

    /* Waits until something is open, and what was asked of the server for it is there. */
    const isThere = (box) => !isShown(box) || document.getElementById(box.getAttribute("aria-controls")).querySelector("[role=option]");
    const open = async (opener) => {
        const end = performance.now() + PATIENCE_MS;
        const isAwaited = () => opener.ariaExpanded === "false"
            || ![...document.querySelectorAll("[role=combobox][aria-expanded=true]")].every(isThere);
        while (isAwaited()) {
            if (performance.now() > end) {
                throw new Error(`${opener.outerHTML} does not open`);
            }
            await new Promise(requestAnimationFrame);
        }
    };

    /* Returns what came in sight since `before`, each with all that is in it. */
    const came = (before) => {
        const fresh = new Set(shown().filter((element) => !before.has(element)));
        last = [...fresh].filter((element) => !fresh.has(element.parentElement));
        return last;
    };

    /* The same of what is of a kind that is not known. */
    const kindsOfParts = (parts) => parts.flatMap((part) => made("in sight", part));
    const cameAnew = (before, known) => {
        const kinds = new Set(known);
        return came(before).filter((part) => kindsOfParts([part]).some((kind) => !kinds.has(kind)));
    };

    /* What moved since the page came, though nobody had typed or clicked, and by how much of the window. */
    const moved = [];
    const name = ({node}) => `${node?.localName ?? ""}${node?.id && `#${node.id}`} ${node?.textContent.trim().slice(0, 40) ?? ""}`;
    new PerformanceObserver((list) => {
        for (const {value, hadRecentInput, sources} of list.getEntries()) {
            if (!hadRecentInput) {
                moved.push(`moved by ${value.toFixed(5)}: ${sources.map(name).join(", ")}`);
            }
        }
    }).observe({type: "layout-shift", buffered: true});

    /* Waits until something is painted. */
    const painted = () => new Promise((resolve, reject) => {
        new PerformanceObserver(resolve).observe({type: "paint", buffered: true});
        setTimeout(() => reject(new Error("nothing is painted before the scripts are there")), PATIENCE_MS);
    });

    return {moved, painted, cameAnew, kindsOfParts, wrong, wrongColours, kinds, next, open, shown, came};
})();
