/* Draws the table of each figure as a chart: the numbers are in the page once, for eyes and screen readers alike. */
"use strict";

{
    const KINDS = {
        stacked: {type: "bar", stacked: true},
        lines: {type: "line"},
        across: {type: "bar", indexAxis: "y"},
    };
    const SHORT = 16; // characters of a name that stands beside a bar where there is little room
    const NARROW_PX = 480;
    const BYTES = ["B", "KB", "MB", "GB", "TB"];

    // A custom property's colour as the browser computes it in the present theme.
    const colour = (name) => {
        const probe = document.createElement("i");
        probe.style.color = `var(--${name})`;
        probe.hidden = true;
        document.body.append(probe);
        const found = getComputedStyle(probe).color;
        probe.remove();
        return found;
    };

    const number = (cell) => {
        const text = cell.dataset.value ?? cell.textContent;
        return text.trim() === "" ? null : Number(text);
    };

    const bytes = (value) => {
        const power = value > 0 ? Math.min(Math.floor(Math.log2(value) / 10), BYTES.length - 1) : 0;
        return `${+(value / 1024 ** power).toFixed(1)} ${BYTES[power]}`;
    };

    // Between the lines of a scale of bytes: such a power of two that there are about five.
    const step = (most) => 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(most, 1) / 5)));

    // Where a row leads to, and what it is called.
    const links = (rows) => rows.map((row) => row.cells[0].querySelector("a")?.href);
    const titles = (rows) => rows.map((row) => row.cells[0].textContent.trim());
    const font = () => ({family: getComputedStyle(document.body).fontFamily, size: 12});

    // What all charts have in common; `row` says which row of the table something drawn stands for.
    const common = (canvas, addresses, row, showsLegend) => {
        const ink = colour("ink"), surface = colour("surface");
        const address = (found) => found.length ? addresses[row(found[0])] : undefined;
        return {
            animation: false,
            responsive: true,
            maintainAspectRatio: false,
            font: font(),
            onClick: (_event, found) => {
                if (address(found)) {
                    window.location.assign(address(found));
                }
            },
            onHover: (_event, found) => {
                canvas.style.cursor = address(found) ? "pointer" : "";
            },
            plugins: {
                legend: {
                    display: showsLegend,
                    align: "end",
                    labels: {color: ink, boxWidth: 12, boxHeight: 12, usePointStyle: true, font: font()},
                },
                tooltip: {backgroundColor: ink, titleColor: surface, bodyColor: surface, usePointStyle: true},
            },
        };
    };

    const axis = (more) => ({border: {display: false}, grid: {color: colour("line")}, ...more,
        ticks: {color: colour("ink-quiet"), ...more.ticks}});

    // Beside bars that lie: the whole name, or its beginning.
    function beside(value) {
        const name = this.getLabelForValue(value);
        return this.chart.width < NARROW_PX && name.length > SHORT ? `${name.slice(0, SHORT - 1)}…` : name;
    }

    // Bars and lines: a series for each column that is marked as one, a place for each row.
    const drawSeries = (figure, canvas, table) => {
        const kind = KINDS[figure.dataset.chart], isLine = kind.type === "line", along = kind.indexAxis ?? "x";
        const rows = [...table.tBodies[0].rows], names = titles(rows);
        const columns = [...table.tHead.rows[0].cells].map((head, column) => ({head, column}))
            .filter(({head, column}) => head.dataset.series && rows.some((row) => number(row.cells[column]) !== null));
        const isBytes = figure.dataset.unit === "bytes";
        const most = Math.max(...columns.flatMap(({column}) => rows.map((row) => number(row.cells[column]))));
        const values = axis({
            beginAtZero: true,
            stacked: Boolean(kind.stacked),
            ticks: {precision: figure.dataset.unit ? undefined : 0, maxTicksLimit: 6, ...(isBytes && {callback: bytes, stepSize: step(most)})},
        });
        const places = axis({
            stacked: Boolean(kind.stacked),
            grid: {display: false},
            ticks: {autoSkip: along === "x", autoSkipPadding: 12, maxRotation: 0, ...(along === "y" && {callback: beside})},
        });
        const options = common(canvas, links(rows), (found) => found.index, columns.length > 1);
        options.plugins.tooltip.callbacks = {
            title: (items) => names[items[0].dataIndex],
            label: (item) => {
                const words = rows[item.dataIndex].cells[columns[item.datasetIndex].column].textContent.trim();
                return words && `${item.dataset.label}: ${words}`;
            },
        };
        options.plugins.tooltip.filter = (item) => item.raw !== null;
        return {
            type: kind.type,
            data: {
                labels: rows.map((row, place) => row.cells[0].dataset.label ?? names[place]),
                datasets: columns.map(({head, column}, place) => ({
                    label: head.textContent.trim(),
                    data: rows.map((row) => number(row.cells[column])),
                    backgroundColor: colour(`chart-${head.dataset.series}`),
                    borderColor: colour(`chart-${head.dataset.series}`),
                    borderWidth: isLine ? 2 : 0,
                    borderDash: isLine && place ? [5, 3] : [],
                    borderRadius: isLine ? 0 : 2,
                    maxBarThickness: along === "y" ? 18 : 40,
                    pointStyle: isLine ? (place ? "rectRot" : "circle") : "rectRounded",
                    pointRadius: isLine && rows.length < 40 ? 3 : 0,
                    pointHitRadius: 12,
                })),
            },
            options: {
                ...options,
                indexAxis: along,
                interaction: {mode: "index", intersect: false, axis: along},
                scales: along === "y" ? {x: values, y: places} : {x: places, y: values},
            },
        };
    };

    // Points on lanes: each row has a lane, a place on it counted backwards from now, and a group that it belongs to.
    const drawLanes = (figure, canvas, table) => {
        const rows = [...table.tBodies[0].rows], names = titles(rows), unit = figure.dataset.unit;
        const part = (row, name) => row.querySelector(`[data-part=${name}]`);
        const words = (row, name) => part(row, name).textContent.trim();
        const lanes = [...new Set(rows.map((row) => words(row, "lane")))];
        const groups = new Map();
        rows.forEach((row, place) => {
            const name = words(row, "group");
            const group = groups.get(name) ?? {colour: part(row, "group").dataset.colour, points: []};
            group.points.push({x: number(part(row, "place")), y: words(row, "lane"), row: place});
            groups.set(name, group);
        });
        const datasets = [...groups].map(([name, group]) => ({
            label: name,
            data: group.points,
            clip: false,
            backgroundColor: colour(`chart-${group.colour}`),
            borderColor: colour(`chart-${group.colour}`),
            borderWidth: 2,
            pointStyle: {accent: "circle", second: "rectRot", danger: "crossRot"}[group.colour],
            pointRadius: 5,
            pointHoverRadius: 7,
        }));
        const row = (found) => datasets[found.datasetIndex].data[found.index].row;
        const options = common(canvas, links(rows), row, true);
        options.plugins.tooltip.callbacks = {
            title: (items) => names[row({datasetIndex: items[0].datasetIndex, index: items[0].dataIndex})],
            label: (item) => `${item.raw.y}: ${words(rows[item.raw.row], "place")}, ${item.dataset.label}`,
        };
        return {
            type: "scatter",
            data: {datasets},
            options: {
                ...options,
                interaction: {mode: "nearest", intersect: true},
                scales: {
                    x: axis({min: 0, reverse: true, ticks: {callback: (value) => `${value} ${unit}`, maxTicksLimit: 8}}),
                    y: axis({type: "category", labels: lanes, offset: true, ticks: {autoSkip: false, callback: beside}}),
                },
            },
        };
    };

    const draw = (figure) => {
        const table = figure.querySelector("table"), canvas = figure.querySelector("canvas");
        const make = figure.dataset.chart === "lanes" ? drawLanes : drawSeries;
        return table && canvas && new window.Chart(canvas, make(figure, canvas, table));
    };

    let charts = [];
    const drawAll = () => {
        charts.forEach((chart) => chart.destroy());
        charts = [...document.querySelectorAll("figure[data-chart]")].map(draw).filter(Boolean);
    };

    drawAll();
    // The colours are those of the theme: when that changes, all is drawn anew.
    new MutationObserver(drawAll).observe(document.documentElement, {attributeFilter: ["data-theme"]});
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
}
