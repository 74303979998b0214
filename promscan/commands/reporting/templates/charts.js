"use strict";
/* Charts as SVG. Text from files goes through textContent only. */

const SVG = "http://www.w3.org/2000/svg";
const BASES = ["A", "C", "G", "T"];

function node(tag, attributes = {}, text = null) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

function draw(parent, tag, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  parent.appendChild(made);
  return made;
}

function grouped(value, digits = 0) {
  return value.toLocaleString("en-US", {minimumFractionDigits: digits, maximumFractionDigits: digits}).replace("-", "−");
}

function lengthText(bp) {
  if (bp >= 1e6) return `${grouped(bp / 1e6, bp >= 1e8 ? 0 : 1)} Mb`;
  return bp >= 1e3 ? `${grouped(bp / 1e3, bp >= 1e5 ? 0 : 1)} kb` : `${bp} bp`;
}

/* Round numbers from low to high, about `count` of them. */
function roundTicks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= raw * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

/* Ticks of an axis of logarithms: 1, 10, 100, or 1, 2, 5, 10 where there is room. */
function logTicks(low, high) {
  const factors = high - low > 3 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    for (const factor of factors) {
      const place = power + Math.log10(factor);
      if (place >= low - 1e-9 && place <= high + 1e-9) ticks.push([place, factor * 10 ** power]);
    }
  }
  return ticks;
}

function shortNumber(value) {
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (Math.abs(value) >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return (Math.abs(value) >= 1000 ? grouped(value) : String(value)).replace("-", "−");
}

/* An SVG with axes; x and y turn values into places. */
function frame(host, options) {
  const {width, height, xs, ys, xTicks, yTicks, xLabel, yLabel, label} = options;
  const left = 52, right = 10, top = 8, bottom = 40;
  const svg = draw(host, "svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label});
  const x = (value) => left + ((value - xs[0]) / (xs[1] - xs[0] || 1)) * (width - left - right);
  const y = (value) => height - bottom - ((value - ys[0]) / (ys[1] - ys[0] || 1)) * (height - top - bottom);
  for (const [value, text] of yTicks) {
    draw(svg, "line", {x1: left, x2: width - right, y1: y(value), y2: y(value), class: "rule"});
    draw(svg, "text", {x: left - 6, y: y(value) + 4, "text-anchor": "end"}, text);
  }
  draw(svg, "line", {x1: left, x2: width - right, y1: y(ys[0]), y2: y(ys[0]), class: "axis"});
  for (const [value, text] of xTicks) {
    draw(svg, "line", {x1: x(value), x2: x(value), y1: y(ys[0]), y2: y(ys[0]) + 4, class: "axis"});
    draw(svg, "text", {x: x(value), y: y(ys[0]) + 17, "text-anchor": "middle"}, text);
  }
  draw(svg, "text", {x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle"}, xLabel);
  const middle = (top + height - bottom) / 2;
  draw(svg, "text", {x: 10, y: middle, "text-anchor": "middle", transform: `rotate(-90 10 ${middle})`}, yLabel);
  return {svg, x, y};
}

/* What stands in place of a chart that would have no values. */
function drawNothing(host, text) {
  host.append(node("p", {class: "hint"}, text));
}

function hitsText(counts) {
  return `${counts.map((count) => grouped(count)).join(" / ")} ${counts.length === 1 && counts[0] === 1 ? "hit" : "hits"}`;
}

function widthOf(host, least = 280) {
  return Math.max(least, Math.round(host.clientWidth));
}

function pathOf(points) {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

function drawHistogram(host, chart, labels) {
  if (!chart.counts.flat().some((count) => count)) return drawNothing(host, "There is nothing to draw.");
  const several = labels.length > 1;
  const shares = chart.counts.map((counts) => {
    const total = counts.reduce((sum, count) => sum + count, 0) || 1;
    return several ? counts.map((count) => (100 * count) / total) : counts;
  });
  const xs = [chart.edges[0], chart.edges.at(-1)];
  const most = Math.max(...shares.flat());
  const width = widthOf(host), ticks = Math.max(3, Math.floor(width / 90));
  const xTicks = chart.logarithmic
    ? logTicks(xs[0], xs[1]).map(([place, value]) => [place, shortNumber(value)])
    : roundTicks(xs[0], xs[1], ticks).map((value) => [value, shortNumber(value)]);
  const yTicks = roundTicks(0, most, 4).filter((value) => several || Number.isInteger(value)).map((value) => [value, several ? `${value}%` : shortNumber(value)]);
  const {svg, x, y} = frame(host, {
    width, height: 230, xs, ys: [0, most * 1.04], xTicks, yTicks, xLabel: chart.axis, yLabel: several ? "share of hits" : "hits",
    label: `Histogram of ${chart.name}: ${summaryOf(chart, labels)}`,
  });
  shares.forEach((values, sample) => {
    if (several) {
      const points = values.flatMap((value, i) => [[x(chart.edges[i]), y(value)], [x(chart.edges[i + 1]), y(value)]]);
      draw(svg, "path", {d: pathOf([[x(xs[0]), y(0)], ...points, [x(xs[1]), y(0)]]), class: `line s${sample}`});
    } else {
      values.forEach((value, i) => {
        if (!value) return;
        const from = x(chart.edges[i]), bar = draw(svg, "rect", {
          x: from + 0.5, y: y(value), width: Math.max(1, x(chart.edges[i + 1]) - from - 1), height: y(0) - y(value), class: "bar s0",
        });
        const ends = [chart.edges[i], chart.edges[i + 1]].map((edge) => shortNumber(Number((chart.logarithmic ? 10 ** edge : edge).toPrecision(3))));
        draw(bar, "title", {}, `${ends[0]} to ${ends[1]}: ${hitsText([value])}`);
      });
    }
  });
}

function summaryOf(chart, labels) {
  return chart.medians.map((median, i) => {
    const name = labels.length > 1 ? `${labels[i]}: ` : "";
    if (median === null) return `${name}no values`;
    const shown = chart.logarithmic ? grouped(10 ** median) : grouped(median, Math.abs(median) < 100 ? 2 : 0);
    const outside = chart.outside[i] ? `, ${grouped(chart.outside[i])} outside` : "";
    return `${name}median ${shown}${["spacing", "distance"].includes(chart.name) ? " bp" : ""}${outside}`;
  }).join("; ");
}

/* One contig: lines up for +, down for −, longer with a higher score. */
function drawContig(host, contig, longest, scale, sample) {
  const width = widthOf(host, 240), half = 24, height = 2 * half + 4;
  const svg = draw(host, "svg", {
    viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${hitsText([contig.hits[sample]])} along ${contig.name}, ${lengthText(contig.length)}`,
  });
  const room = width - 4, middle = half + 2, share = room / scale.bins, own = Math.max(2, (room * contig.length) / longest);
  draw(svg, "line", {x1: 0, x2: own, y1: middle, y2: middle, class: "axis", "stroke-width": 3, "stroke-linecap": "round"});
  contig.bins[sample].forEach((bins, strand) => {
    const up = strand === 0 ? -1 : 1;
    const d = bins.map(([bin, , score]) => {
      const tall = 5 + (half - 5) * Math.min(1, Math.max(0, (score - scale.low) / (scale.high - scale.low || 1)));
      return `M${((bin + 0.5) * share).toFixed(1)} ${middle + up * 2}v${(up * tall).toFixed(1)}`;
    }).join("");
    if (d) draw(svg, "path", {d, class: `ticks s${sample}`});
  });
}

/* One circle: lines outwards for +, inwards for −, longer with a higher score; its first base is at the top. */
function drawCircle(host, contig, _, scale, sample) {
  const size = Math.min(400, widthOf(host, 240)), centre = size / 2, half = 24, radius = centre - half - 26;
  const svg = draw(host, "svg", {
    viewBox: `0 0 ${size} ${size}`, role: "img", class: "circle",
    "aria-label": `${hitsText([contig.hits[sample]])} around ${contig.name}, a circle of ${lengthText(contig.length)}`,
  });
  const at = (bp, distance) => {
    const angle = (2 * Math.PI * bp) / contig.length;
    return `${(centre + distance * Math.sin(angle)).toFixed(1)} ${(centre - distance * Math.cos(angle)).toFixed(1)}`;
  };
  draw(svg, "circle", {cx: centre, cy: centre, r: radius, class: "axis", fill: "none", "stroke-width": 3});
  const share = contig.length / scale.bins;
  contig.bins[sample].forEach((bins, strand) => {
    const out = strand === 0 ? 1 : -1;
    const d = bins.map(([bin, , score]) => {
      const tall = 5 + (half - 5) * Math.min(1, Math.max(0, (score - scale.low) / (scale.high - scale.low || 1)));
      const bp = Math.min((bin + 0.5) * share, contig.length);
      return `M${at(bp, radius + out * 2)}L${at(bp, radius + out * (2 + tall))}`;
    }).join("");
    if (d) draw(svg, "path", {d, class: `ticks s${sample}`});
  });
  for (const bp of roundTicks(0, contig.length, 6)) {
    if (bp > contig.length * 0.95) continue;
    const [x, y] = at(bp, radius + half + 14).split(" ");
    draw(svg, "text", {x, y: Number(y) + 4, "text-anchor": "middle"}, bp ? lengthText(bp) : "0");
  }
}

function positionTicks(before, after, step) {
  const ticks = [];
  for (let place = Math.ceil(-before / step) * step; place <= after; place += step) ticks.push([place, place > 0 ? `+${place}` : String(place).replace("-", "−")]);
  return ticks;
}

function meanRow(rows) {
  return BASES.map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
}

function drawComposition(host, shares, before, after) {
  if (!shares.flat().some((share) => share)) return drawNothing(host, "There are no hits.");
  const smooth = shares.map((_, p) => meanRow(shares.slice(Math.max(0, p - 2), p + 3)));
  const most = Math.min(1, Math.max(...smooth.flat()) * 1.05);
  const {svg, x, y} = frame(host, {
    width: widthOf(host), height: 230, xs: [-before, after], ys: [0, most], xTicks: positionTicks(before, after, 25),
    yTicks: roundTicks(0, most, 4).map((value) => [value, `${Math.round(100 * value)}%`]), xLabel: "bp from the TSS", yLabel: "share",
    label: "Base composition around the TSSs",
  });
  draw(svg, "line", {x1: x(0), x2: x(0), y1: y(0), y2: y(most), class: "zero"});
  BASES.forEach((base, i) => {
    draw(svg, "path", {d: pathOf(smooth.map((row, p) => [x(p - before), y(row[i])])), class: `line base-${base.toLowerCase()}`});
  });
}

/* Letters as high as their part of the information; the highest stands on top. */
function drawLogo(host, heights, before) {
  const from = -45, to = 15;
  const rows = heights.slice(before + from, before + to + 1);
  const tallest = Math.max(...rows.map((row) => row.reduce((sum, value) => sum + value, 0)));
  if (!tallest) return drawNothing(host, "There are too few hits for a logo.");
  const {svg, x, y} = frame(host, {
    width: widthOf(host, 620), height: 230, xs: [from - 0.5, to + 0.5], ys: [0, tallest * 1.05],
    xTicks: positionTicks(-from, to, 5), yTicks: roundTicks(0, tallest, 3).map((value) => [value, String(value)]),
    xLabel: "bp from the TSS", yLabel: "bits", label: "Sequence logo around the TSSs",
  });
  rows.forEach((row, p) => {
    let base = 0;
    const order = [0, 1, 2, 3].sort((a, b) => row[a] - row[b]);
    for (const i of order) {
      const tall = y(base) - y(base + row[i]);
      if (tall >= 0.4) drawLetter(svg, BASES[i], x(from + p - 0.5), y(base), x(1) - x(0), tall);
      base += row[i];
    }
  });
  host.scrollLeft = host.scrollWidth;  // On a phone, the TSS is in sight and not what lies far upstream.
}

function drawLetter(svg, letter, left, bottom, width, tall) {
  /* A bold capital of 100 px is about 72 px high and as wide as given here. */
  const wide = {A: 72, C: 72, G: 78, T: 61}[letter];
  draw(svg, "text", {
    class: `letter base-${letter.toLowerCase()}`, "text-anchor": "middle",
    transform: `translate(${(left + width / 2).toFixed(2)} ${bottom.toFixed(2)}) scale(${((width * 0.94) / wide).toFixed(4)} ${(tall / 72).toFixed(4)})`,
  }, letter);
}

function drawRecall(host, curves) {
  const rates = curves.flat().map((point) => point[0]).filter((rate) => rate > 0);
  const low = Math.floor(Math.log10(Math.min(1, ...rates))), high = Math.log10(Math.max(10, ...rates));
  const place = (rate) => Math.max(low, Math.log10(rate || 1e-9));
  const {svg, x, y} = frame(host, {
    width: widthOf(host), height: 260, xs: [low, high], ys: [0, 1], xTicks: logTicks(low, high).map(([at, value]) => [at, shortNumber(value)]),
    yTicks: [0, 0.25, 0.5, 0.75, 1].map((value) => [value, `${100 * value}%`]), xLabel: "false positives per Mb", yLabel: "recall",
    label: `Recall by false positives per Mb; at the end ${curves.map((curve) => `${Math.round(100 * (curve.at(-1) || [0, 0])[1])}%`).join(", ")}`,
  });
  curves.forEach((curve, sample) => {
    const points = [];
    for (const [rate, recall] of curve) {
      if (points.length) points.push([x(place(rate)), points.at(-1)[1]]);
      points.push([x(place(rate)), y(recall)]);
    }
    // Curves often lie on one another: earlier ones are wider, so all stay in sight.
    draw(svg, "path", {d: pathOf(points), class: `line s${sample}`, style: `stroke-width: ${1.8 + (6 * (curves.length - 1 - sample)) / Math.max(3, curves.length - 1)}`});
  });
}

/* Numbers from base64 of little-endian int16; null where there is no score. */
function unpackTrack(text, tracks) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Array.from({length: bytes.length / 2}, (_, i) => {
    const value = view.getInt16(2 * i, true);
    return value === tracks.missing ? null : value / tracks.scale;
  });
}

function drawTrack(host, packed, tracks, tss, strand, threshold) {
  const lines = packed.map((text) => unpackTrack(text, tracks));
  const known = lines.flat().filter((value) => value !== null);
  if (!known.length) return;
  const low = Math.min(...known, threshold ?? Infinity), high = Math.max(...known, threshold ?? -Infinity);
  const {svg, x, y} = frame(host, {
    width: widthOf(host), height: 230, xs: [-tracks.reach, tracks.reach], ys: [low, high + (high - low) * 0.05],
    xTicks: positionTicks(tracks.reach, tracks.reach, 100).map(([place, text]) => [place, place ? text : grouped(tss)]),
    yTicks: roundTicks(low, high, 4).map((value) => [value, shortNumber(value)]), xLabel: "position (0-based), and bp from it", yLabel: "score",
    label: `Scores of both strands within ${tracks.reach} bp of the hit`,
  });
  if (threshold !== null) draw(svg, "line", {x1: x(-tracks.reach), x2: x(tracks.reach), y1: y(threshold), y2: y(threshold), class: "zero"});
  draw(svg, "line", {x1: x(0), x2: x(0), y1: y(low), y2: y(high), class: "zero"});
  [1 - strand, strand].forEach((which) => {
    let points = [];
    const flush = () => {
      if (points.length) draw(svg, "path", {d: pathOf(points), class: which === strand ? "line s0" : "line s7 faint"});
      points = [];
    };
    lines[which].forEach((value, i) => (value === null ? flush() : points.push([x(i - tracks.reach), y(value)])));
    flush();
  });
}
