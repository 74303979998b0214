
/* The page: plots, the table of hits, and the details of a hit. */

const DATA = JSON.parse(document.getElementById("data").textContent);
const TABLE = DATA.table.columns, CHROMS = DATA.table.chroms, ROWS = TABLE.tss.length;
const SIGNS = ["+", "−"];
const ROW_HEIGHT = 36, SPARE = 8, PRINTED = 200;

/* ---- plots ---- */

function fillLegends() {
  if (DATA.labels.length < 2) return;
  for (const legend of document.querySelectorAll("[data-legend]")) {
    DATA.labels.forEach((label, i) => {
      const item = node("span");
      item.append(node("span", {class: `key s${i}`}), document.createTextNode(label));
      legend.append(item);
    });
  }
}

function card(host, title, note, draws, wide = null) {
  const figure = node("figure", {class: "card"});
  const caption = node("figcaption", {}, `${title} `);
  if (note) caption.append(node("small", {}, note));
  const chart = node("div", wide ? {class: "chart wide", tabindex: "0", role: "region", "aria-label": wide} : {class: "chart"});
  figure.append(caption, chart);
  host.append(figure);
  redrawn.push([chart, draws]);
  return figure;
}

const redrawn = [];

function redraw() {
  for (const [chart, draws] of redrawn) {
    chart.replaceChildren();
    draws(chart);
  }
}

const TITLES = {score: "Score", spacing: "Spacing", strength: "Predicted strength", distance: "Distance to the nearest gene"};

function makePlots() {
  fillLegends();
  document.getElementById("histograms").dataset.count = DATA.distributions.length;
  for (const chart of DATA.distributions) {
    card(document.getElementById("histograms"), TITLES[chart.name], summaryOf(chart, DATA.labels), (host) => drawHistogram(host, chart, DATA.labels));
  }
  const around = DATA.around, place = document.getElementById("around");
  DATA.labels.forEach((label, i) => {
    const of = DATA.labels.length > 1 ? label : "";
    const figure = card(place, "Base composition", `${of ? `${of}; ` : ""}mean of 5 bp`, (host) => drawComposition(host, around.composition[i], around.before, around.after));
    const legend = node("div", {class: "legend"});
    for (const base of BASES) {
      const item = node("span");
      item.append(node("span", {class: `key base-${base.toLowerCase()}`}), document.createTextNode(base));
      legend.append(item);
    }
    figure.append(legend);
    card(place, "Sequence logo", `${of ? `${of}; ` : ""}bits against the composition of random positions`, (host) => drawLogo(host, around.logo[i], around.before), `Sequence logo of ${label}`);
  });
  const recall = document.getElementById("recall");
  if (recall) redrawn.push([recall, (host) => drawRecall(host, DATA.curves)]);
  makeContigs();
}

function makeContigs() {
  const host = document.getElementById("contig-map");
  if (!DATA.contigs.length) {
    host.append(node("p", {class: "notice"}, "There are no hits."));
    return;
  }
  host.className = "card";
  const scores = DATA.labels.map((_, i) => DATA.contigs.flatMap((contig) => contig.bins[i].flat().map((bin) => bin[2])));
  const scales = scores.map((values) => ({bins: DATA.bins, low: extreme(values, -1), high: extreme(values, 1)}));
  const longest = extreme(DATA.contigs.map((contig) => contig.length), 1);
  for (const contig of DATA.contigs) {
    const row = node("div", {class: "contig"}), name = node("div", {class: "name"}), plots = node("div", {class: contig.circular ? "circles" : ""});
    const button = node("button", {type: "button", class: "link", title: contig.name}, contig.name);
    button.addEventListener("click", () => {
      form.elements.region.value = contig.name;
      applyFilters();
      document.getElementById("hits").scrollIntoView();
      form.elements.region.focus({preventScroll: true});
    });
    name.append(button, node("small", {}, `${lengthText(contig.length)}, ${hitsText(contig.hits)}`));
    DATA.labels.forEach((_, i) => {
      const plot = node("div", {class: "chart"});
      plots.append(plot);
      const drawing = contig.circular ? drawCircle : drawContig;
      redrawn.push([plot, (place) => drawing(place, contig, longest, scales[i], i)]);
    });
    row.append(name, plots);
    host.append(row);
  }
}

function extreme(values, sign) {
  return values.reduce((best, value) => (sign * value > sign * best ? value : best), values.length ? values[0] : 0);
}

/* ---- the table ---- */

const nameOf = (row) => TABLE.name[row] || `${chromOf(row)}_${TABLE.tss[row]}_${"+-"[TABLE.strand[row]]}`;
const chromOf = (row) => CHROMS[TABLE.chrom[row]];
const numberText = (column, digits) => (row) => (TABLE[column][row] === null ? "–" : grouped(TABLE[column][row], digits));
const scoreName = DATA.scores.every((name) => name === "logit") ? "Logit" : "Score";

const COLUMNS = [
  {id: "sample", head: "Sample", text: (row) => DATA.labels[TABLE.sample[row]], value: (row) => TABLE.sample[row], shown: DATA.labels.length > 1},
  {id: "name", head: "Name", text: nameOf, value: nameOf},
  {id: "chrom", head: "Contig", text: chromOf, value: (row) => TABLE.chrom[row]},
  {id: "tss", head: "TSS", text: (row) => grouped(TABLE.tss[row]), value: (row) => TABLE.tss[row], number: true},
  {id: "strand", head: "Strand", text: (row) => SIGNS[TABLE.strand[row]], value: (row) => TABLE.strand[row]},
  {id: "score", head: scoreName, text: numberText("score", 3), value: (row) => TABLE.score[row], number: true},
  {id: "probability", head: "Probability", digits: 3},
  {id: "fp_per_mb", head: "FP/Mb", digits: 2},
  {id: "strength", head: "Strength", digits: 2},
  {id: "gene", head: "Gene", text: (row) => TABLE.gene[row], value: (row) => TABLE.gene[row]},
  {id: "distance", head: "Distance (bp)", digits: 0},
  {id: "class", head: "Class", text: (row) => TABLE.class[row].replaceAll("_", " "), value: (row) => TABLE.class[row]},
].filter((column) => TABLE[column.id] !== undefined && column.shown !== false);
for (const column of COLUMNS) {
  if (column.digits === undefined) continue;
  Object.assign(column, {text: numberText(column.id, column.digits), value: (row) => TABLE[column.id][row], number: true});
}

const form = document.getElementById("filters"), viewport = document.getElementById("viewport");
const table = document.getElementById("table"), head = table.tHead.rows[0], body = table.tBodies[0];
const searched = Array.from({length: ROWS}, (_, row) => [nameOf(row), chromOf(row), TABLE.gene?.[row] ?? "", TABLE.class?.[row] ?? ""].join("\n").toLowerCase());
let order = Array.from({length: ROWS}, (_, row) => row);
let sorting = {column: COLUMNS.find((column) => column.id === "score"), up: false};
let chosen = null, firstDrawn = -1, lastDrawn = -1;

function makeHead() {
  for (const column of COLUMNS) {
    const cell = node("th", {scope: "col", class: column.number ? "number" : ""});
    const button = node("button", {type: "button", "data-column": column.id}, column.head);
    button.addEventListener("click", () => {
      const same = sorting.column === column;
      sorting = {column, up: same ? !sorting.up : !column.number || column.id === "tss"};
      sortRows();
    });
    cell.append(button);
    head.append(cell);
  }
  table.setAttribute("aria-colcount", COLUMNS.length);
}

function sortRows() {
  const {column, up} = sorting;
  const keys = new Map(order.map((row) => [row, column.value(row)]));
  const missing = (value) => value === null || value === "";
  order.sort((a, b) => {
    const x = keys.get(a), y = keys.get(b);
    if (missing(x) !== missing(y)) return missing(x) ? 1 : -1;
    const step = x < y ? -1 : x > y ? 1 : 0;
    return (up ? step : -step) || a - b;
  });
  COLUMNS.forEach((each, i) => {
    if (each === column) head.cells[i].setAttribute("aria-sort", up ? "ascending" : "descending");
    else head.cells[i].removeAttribute("aria-sort");
  });
  viewport.scrollTop = 0;
  drawRows(true);
}

/* `chr1`, `chr1:500`, `chr1:1,001-2,000`: 1-based, both ends included; a whole text may be the name of a contig. */
function parseRegion(text) {
  if (!text || CHROMS.includes(text)) return text ? {chrom: CHROMS.indexOf(text), low: 0, high: Infinity} : null;
  const match = /^(.*):([\d,]+)(?:-([\d,]*))?$/.exec(text);
  if (!match || !CHROMS.includes(match[1])) return undefined;
  const [low, high] = [match[2], match[3]].map((part) => (part ? Number(part.replaceAll(",", "")) : null));
  return {chrom: CHROMS.indexOf(match[1]), low: low - 1, high: high ?? Infinity};
}

function applyFilters() {
  const {text, region, strand, low, high, gene, sample} = form.elements;
  const words = text.value.trim().toLowerCase(), wantedGene = gene.value.trim().toLowerCase();
  const place = parseRegion(region.value.trim());
  region.setAttribute("aria-invalid", place === undefined ? "true" : "false");
  const least = low.value === "" ? -Infinity : Number(low.value), most = high.value === "" ? Infinity : Number(high.value);
  order = [];
  for (let row = 0; row < ROWS; row++) {
    if (words && !searched[row].includes(words)) continue;
    if (place === undefined) continue;
    if (place && (TABLE.chrom[row] !== place.chrom || TABLE.tss[row] < place.low || TABLE.tss[row] >= place.high)) continue;
    if (strand.value && "+-"[TABLE.strand[row]] !== strand.value) continue;
    if (TABLE.score[row] < least || TABLE.score[row] > most) continue;
    if (wantedGene && !TABLE.gene[row].toLowerCase().includes(wantedGene)) continue;
    if (sample.value && TABLE.sample[row] !== Number(sample.value)) continue;
    order.push(row);
  }
  const unknown = place === undefined ? " No such region: write chr1, or chr1:1,001-2,000." : "";
  document.getElementById("count").textContent = `${grouped(order.length)} of ${grouped(ROWS)} hits.${unknown}`;
  table.setAttribute("aria-rowcount", order.length + 1);
  sortRows();
}

function space(rows) {
  const line = node("tr", {class: "space", "aria-hidden": "true"}), cell = node("td", {colspan: COLUMNS.length});
  cell.style.height = `${rows * ROW_HEIGHT}px`;
  line.append(cell);
  return line;
}

/* Only the rows in view, and a few more, are in the page. */
function drawRows(all = false) {
  const visible = Math.ceil(viewport.clientHeight / ROW_HEIGHT);
  const first = Math.max(0, Math.floor(viewport.scrollTop / ROW_HEIGHT) - SPARE);
  const last = Math.min(order.length, first + visible + 2 * SPARE);
  if (!all && first === firstDrawn && last === lastDrawn) return;
  [firstDrawn, lastDrawn] = [first, last];
  fillRows(first, last);
}

function fillRows(first, last) {
  const focused = document.activeElement?.dataset?.row;
  const lines = order.slice(first, last).map((row, i) => tableRow(row, first + i));
  if (first > 0) lines.unshift(space(first));
  if (last < order.length) lines.push(space(order.length - last));
  body.replaceChildren(...lines);
  if (focused !== undefined) body.querySelector(`[data-row="${Number(focused)}"]`)?.focus({preventScroll: true});
}

function tableRow(row, place) {
  const line = node("tr", {"aria-rowindex": place + 2});
  if (row === chosen) line.className = "chosen";
  for (const column of COLUMNS) {
    const cell = node("td", {class: column.number ? "number" : ""});
    if (column.id === "name") {
      const button = node("button", {type: "button", class: "link", "data-row": row, title: nameOf(row)}, column.text(row));
      button.addEventListener("click", () => showDetails(row));
      cell.append(button);
    } else {
      cell.textContent = column.text(row);
    }
    line.append(cell);
  }
  return line;
}

/* ---- details ---- */

const panel = document.getElementById("details");

function showDetails(row) {
  chosen = row;
  const details = DATA.table.details[row];
  document.getElementById("details-title").textContent = nameOf(row);
  const numbers = document.getElementById("details-numbers");
  numbers.replaceChildren();
  const add = (name, value) => {
    const item = node("div");
    item.append(node("dt", {}, name), node("dd", {}, value));
    numbers.append(item);
  };
  add("Place (1-based)", `${chromOf(row)}:${grouped(TABLE.start[row] + 1)}-${grouped(TABLE.end[row])}`);
  for (const column of COLUMNS) {
    if (["name", "chrom", "strength"].includes(column.id)) continue;
    add(column.head, column.text(row) || "–");
  }
  if (TABLE.strength && TABLE.strength[row] !== null) add("Strength (95 % interval)", strengthText(row));
  const track = document.getElementById("details-track");
  track.hidden = !details?.tracks;
  panel.hidden = false;
  if (details?.tracks) {
    const host = track.querySelector(".chart");
    host.replaceChildren();
    drawTrack(host, details.tracks, DATA.tracks, TABLE.tss[row], TABLE.strand[row], DATA.thresholds[TABLE.sample[row]]);
    const dashed = DATA.thresholds[TABLE.sample[row]] === null ? ""
      : `; dashed: ${DATA.graded[TABLE.sample[row]] ? "least score of a candidate" : "threshold"}, and the called TSS`;
    track.querySelector("figcaption").textContent = `Score around the hit: strand ${SIGNS[TABLE.strand[row]]} in colour, the other strand in grey${dashed}`;
  }
  showSequence(details);
  drawRows(true);
  panel.scrollIntoView({block: "nearest"});
  document.getElementById("details-title").focus({preventScroll: true});
}

function strengthText(row) {
  const value = TABLE.strength[row], sd = TABLE.strength_sd?.[row] ?? null;
  if (sd === null) return grouped(value, 2);
  return `${grouped(value, 2)} (${grouped(value - 1.96 * sd, 2)} to ${grouped(value + 1.96 * sd, 2)})`;
}

function signed(place) {
  return place > 0 ? `+${place}` : String(place).replace("-", "−");
}

function showSequence(details) {
  const host = document.getElementById("details-sequence"), list = document.getElementById("details-elements");
  host.replaceChildren();
  list.replaceChildren();
  if (!details) {
    host.textContent = "Only the best hits carry their sequence and scores.";
    return;
  }
  const start = DATA.around.before, marked = new Set();
  for (const [name, first, length, worth] of details.marks) {
    for (let i = 0; i < length; i++) marked.add(first + i);
    const place = `${name} at ${signed(first - start)}: ${details.sequence.slice(first, first + length)}`;
    list.append(node("li", {}, worth === undefined ? place : `${place}, which adds ${worth} to the score (explain)`));
  }
  if (!details.marks.length) list.append(node("li", {}, "None of the elements above."));
  const kindOf = (place) => (place === start ? "start" : marked.has(place) ? "element" : "");
  for (let from = 0; from < details.sequence.length; ) {
    let to = from + 1;
    while (to < details.sequence.length && kindOf(to) === kindOf(from)) to++;
    host.append(node("span", {class: kindOf(from)}, details.sequence.slice(from, to)));
    from = to;
  }
  host.append(node("span", {class: "hidden"}, ` From ${start} bp before to ${details.sequence.length - start - 1} bp after the TSS.`));
}

function closeDetails() {
  const row = chosen;
  panel.hidden = true;
  chosen = null;
  drawRows(true);
  (body.querySelector(`[data-row="${row}"]`) ?? viewport).focus({preventScroll: true});
}

/* ---- export ---- */

const EXPORTED = ["start", "end", "tss", "score", "probability", "fp_per_mb", "strength", "strength_sd", "gene", "class", "distance"].filter((name) => TABLE[name] !== undefined);

function tsvText() {
  const lines = [["sample", "chrom", "name", "strand", ...EXPORTED].join("\t")];
  for (const row of order) {
    const cells = [DATA.labels[TABLE.sample[row]], chromOf(row), nameOf(row), "+-"[TABLE.strand[row]]];
    lines.push([...cells, ...EXPORTED.map((name) => TABLE[name][row] ?? ".")].map((cell) => (cell === "" ? "." : cell)).join("\t"));
  }
  return `${lines.join("\n")}\n`;
}

function saveTable() {
  const link = node("a", {download: "hits.tsv", href: URL.createObjectURL(new Blob([tsvText()], {type: "text/tab-separated-values"}))});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/* ---- start ---- */

function makeFilters() {
  form.querySelector("[data-needs=gene]").hidden = TABLE.gene === undefined;
  form.querySelector("[data-needs=samples]").hidden = DATA.labels.length < 2;
  DATA.labels.forEach((label, i) => form.elements.sample.append(node("option", {value: i}, label)));
  form.addEventListener("input", applyFilters);
  form.addEventListener("reset", () => setTimeout(applyFilters));
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("export").addEventListener("click", saveTable);
  document.getElementById("close").addEventListener("click", closeDetails);
  panel.addEventListener("keydown", (event) => event.key === "Escape" && closeDetails());
  viewport.addEventListener("scroll", () => requestAnimationFrame(() => drawRows()));
}

makeFilters();
makeHead();
makePlots();
redraw();
applyFilters();

let lastWidth = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === lastWidth) return drawRows(true);
  lastWidth = window.innerWidth;
  redraw();
  drawRows(true);
});
window.addEventListener("beforeprint", () => {
  fillRows(0, Math.min(PRINTED, order.length));
  body.querySelector("tr.space:last-child")?.remove();
  const note = document.getElementById("print-note");
  note.textContent = order.length > PRINTED ? `The first ${PRINTED} of ${grouped(order.length)} hits are printed.` : "";
});
window.addEventListener("afterprint", () => drawRows(true));
