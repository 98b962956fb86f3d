/* Draws the table of each figure as a chart: the numbers are in the page once, for eyes and screen readers alike. */
"use strict";

{
    const KINDS = {
        stacked: {type: "bar", stacked: true},
        lines: {type: "line"},
        across: {type: "bar", indexAxis: "y"},
        bars: {type: "bar"},
    };

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

    // What a table says: a series for each column that is marked as one, a label and an address for each row.
    const read = (table) => {
        const rows = [...table.tBodies[0].rows];
        const heads = [...table.tHead.rows[0].cells];
        return {
            labels: rows.map((row) => row.cells[0].dataset.label ?? row.cells[0].textContent.trim()),
            titles: rows.map((row) => row.cells[0].textContent.trim()),
            addresses: rows.map((row) => row.cells[0].querySelector("a")?.href),
            words: (row, column) => rows[row].cells[column].textContent.trim(),
            series: heads.map((head, column) => ({head, column})).filter(({head}) => head.dataset.series).map(({head, column}) => ({
                column,
                name: head.textContent.trim(),
                colour: head.dataset.series,
                numbers: rows.map((row) => number(row.cells[column])),
            })),
        };
    };

    const datasets = (data, kind) => data.series.map((one, place) => ({
        label: one.name,
        data: one.numbers,
        backgroundColor: colour(`chart-${one.colour}`),
        borderColor: colour(`chart-${one.colour}`),
        borderWidth: kind.type === "line" ? 2 : 0,
        borderDash: kind.type === "line" && place ? [5, 3] : [],
        borderRadius: kind.type === "line" ? 0 : 2,
        maxBarThickness: kind.indexAxis ? 18 : 40,
        pointRadius: kind.type === "line" && one.numbers.length < 40 ? 2.5 : 0,
        pointHitRadius: 12,
        spanGaps: false,
    }));

    const SHORT = 16; // characters of a name that stands beside a bar where there is little room
    const NARROW_PX = 480;

    // Beside bars that lie: the whole name, or its beginning.
    function beside(value) {
        const name = this.getLabelForValue(value);
        return this.chart.width < NARROW_PX && name.length > SHORT ? `${name.slice(0, SHORT - 1)}…` : name;
    }

    const axes = (data, kind, unit) => {
        const ink = colour("ink-quiet"), line = colour("line");
        const values = {
            beginAtZero: true,
            stacked: Boolean(kind.stacked),
            border: {display: false},
            grid: {color: line},
            ticks: {color: ink, precision: unit ? undefined : 0, maxTicksLimit: 6},
        };
        const names = {
            stacked: Boolean(kind.stacked),
            border: {color: line},
            grid: {display: false},
            ticks: {color: ink, autoSkip: !kind.indexAxis, autoSkipPadding: 12, maxRotation: 0},
        };
        if (kind.indexAxis) {
            names.ticks.callback = beside;
        }
        return kind.indexAxis ? {x: values, y: names} : {x: names, y: values};
    };

    const draw = (figure) => {
        const table = figure.querySelector("table"), canvas = figure.querySelector("canvas");
        if (!table || !canvas) {
            return null;
        }
        const kind = KINDS[figure.dataset.chart], data = read(table);
        const font = {family: getComputedStyle(document.body).fontFamily, size: 12};
        const ink = colour("ink");
        return new window.Chart(canvas, {
            type: kind.type,
            data: {labels: data.labels, datasets: datasets(data, kind)},
            options: {
                indexAxis: kind.indexAxis ?? "x",
                animation: false,
                responsive: true,
                maintainAspectRatio: false,
                font,
                interaction: {mode: "index", intersect: false, axis: kind.indexAxis ?? "x"},
                scales: axes(data, kind, figure.dataset.unit),
                onClick: (_event, found) => {
                    const address = found.length && data.addresses[found[0].index];
                    if (address) {
                        window.location.assign(address);
                    }
                },
                onHover: (event, found) => {
                    canvas.style.cursor = found.length && data.addresses[found[0].index] ? "pointer" : "";
                },
                plugins: {
                    legend: {
                        display: data.series.length > 1,
                        align: "end",
                        labels: {color: ink, boxWidth: 12, boxHeight: kind.type === "line" ? 0 : 12, font},
                    },
                    tooltip: {
                        backgroundColor: ink,
                        titleColor: colour("surface"),
                        bodyColor: colour("surface"),
                        callbacks: {
                            title: (items) => data.titles[items[0].dataIndex],
                            label: (item) => `${item.dataset.label}: ${data.words(item.dataIndex, data.series[item.datasetIndex].column)}`,
                        },
                    },
                },
            },
        });
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
