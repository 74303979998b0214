
/* ---- the genome browser (igv.js), made when its button is pressed ---- */

function plainName(text) {
  return text.replaceAll("<", "‹").replaceAll(">", "›").replaceAll("&", "+").replaceAll('"', "'");
}

function hitFeatures(sample) {
  const features = [];
  for (let row = 0; row < ROWS; row++) {
    if (TABLE.sample[row] !== sample) continue;
    features.push({
      chr: plainName(chromOf(row)), start: TABLE.start[row], end: TABLE.end[row], name: plainName(nameOf(row)),
      strand: "+-"[TABLE.strand[row]], tss: TABLE.tss[row], logit: TABLE.score[row],
    });
  }
  return features;
}

/* The scores around the best hits, of one strand; stretches that overlap are drawn once. */
function scoreFeatures(sample, strand) {
  const found = new Map();
  for (const [row, details] of Object.entries(DATA.table.details)) {
    if (!details.tracks || TABLE.sample[row] !== sample) continue;
    const chr = plainName(chromOf(row));
    unpackTrack(details.tracks[strand], DATA.tracks).forEach((value, i) => {
      const start = TABLE.tss[row] - DATA.tracks.reach + i;
      if (value !== null) found.set(`${chr}\t${start}`, {chr, start, end: start + 1, value});
    });
  }
  return [...found.values()].sort((a, b) => (a.chr < b.chr ? -1 : a.chr > b.chr ? 1 : a.start - b.start));
}

function browserTracks() {
  const tracks = [];
  DATA.labels.forEach((label, sample) => {
    const of = DATA.labels.length > 1 ? ` of ${plainName(label)}` : "";
    tracks.push({name: `hits${of}`, type: "annotation", features: hitFeatures(sample), displayMode: "EXPANDED", color: "#0b7d74"});
    SIGNS.forEach((sign, strand) => {
      const features = scoreFeatures(sample, strand);
      if (features.length) tracks.push({name: `score ${sign}${of}`, type: "wig", features, autoscale: true, color: strand ? "#5b4bb3" : "#c2570c"});
    });
  });
  const genes = DATA.igv.genes.map(([contig, start, end, strand, name]) => ({chr: DATA.igv.contigs[contig], start, end, strand, name}));
  if (genes.length) tracks.push({name: "genes", type: "annotation", features: genes, displayMode: "EXPANDED", color: "#555f66"});
  return tracks;
}

let browser = null;

async function openBrowser() {
  const button = document.getElementById("open-browser");
  button.disabled = true;
  const best = order.length ? order[0] : null;
  const locus = best === null ? DATA.igv.contigs[0] : `${plainName(chromOf(best))}:${Math.max(1, TABLE.start[best] - 1000)}-${TABLE.end[best] + 1000}`;
  browser = await igv.createBrowser(document.getElementById("igv"), {
    reference: {id: "genome", name: "genome", fastaURL: `data:text/plain;base64,${DATA.igv.fasta}`, indexed: false},
    loadDefaultGenomes: false, locus, tracks: browserTracks(),
  });
  button.hidden = true;
}

document.getElementById("open-browser")?.addEventListener("click", openBrowser);
