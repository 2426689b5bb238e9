/** The strongest regions of an explanation as a table. */

import { el, replace } from "../../core/dom.js";
import { UNIT, bandEdges, signed, windowName } from "./words.js";

const MOST_ROWS = 5;

/**
 * Show the strongest regions over time, over frequency and of both, whichever way they speak.
 * @param {HTMLElement} table
 * @param {Object} explanation
 */
export function showRegions(table, explanation) {
  const head = ["Region", "Speaks", "Importance", "Points of probability"].map((text, index) =>
    el("th", { scope: "col", class: index > 1 ? "numeric" : "", text }),
  );
  const groups = Object.entries(partsOf(explanation)).map(([title, regions]) =>
    el(
      "tbody",
      {},
      el("tr", {}, el("th", { scope: "rowgroup", colspan: 4, text: title })),
      ...regions
        .sort((one, other) => Math.abs(other.importance) - Math.abs(one.importance))
        .slice(0, MOST_ROWS)
        .map(row),
    ),
  );
  replace(table, el("thead", {}, el("tr", {}, ...head)), ...groups);
}

function row({ name, importance, change }) {
  return el(
    "tr",
    {},
    el("td", { text: name }),
    el("td", { text: importance > 0 ? "for" : "against" }),
    el("td", { class: "numeric", text: signed(importance) }),
    el("td", { class: "numeric", text: `${change < 0 ? "−" : "+"}${Math.abs(change * 100).toFixed(2)}` }),
  );
}

function partsOf({ time, frequency, cells }) {
  const found = {};
  if (time) found["Over time"] = regionsOf(time, time.windows, windowName);
  if (frequency) found[`Over frequency, in ${UNIT}`] = regionsOf(frequency, frequency.bands, bandEdges);
  if (cells) found["Time and frequency together"] = cellsOf(cells);
  return found;
}

function regionsOf({ importances, changes }, { starts, ends }, nameOf) {
  return importances.map((importance, at) => ({ name: nameOf(starts[at], ends[at]), importance, change: changes[at] }));
}

function cellsOf({ windows, bands, importances, changes }) {
  return importances.flatMap((row, window) =>
    row.map((importance, band) => ({
      name: cellName(windows, bands, window, band),
      importance,
      change: changes[window][band],
    })),
  );
}

/** A cell in words, without the unit of frequency. */
export function cellName(windows, bands, window, band) {
  return `${windowName(windows.starts[window], windows.ends[window])} at ${bandEdges(bands.starts[band], bands.ends[band])}`;
}
