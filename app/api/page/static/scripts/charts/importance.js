/** Importances of regions as colours: `--for` speaks for a label, `--against` against it. */

import { el, replace } from "../core/dom.js";
import { rem, token } from "./theme.js";

// Log-odds: what matters little stays pale, however little the rest matters.
const FULL_AT_LEAST = 0.5;
// Behind lines, which must stay readable; along the bottom there is a strip with the whole colour.
const TINT = 0.35;
const STRIP = 0.6; // rem

/**
 * @typedef {{from: number, to: number, strength: number}} Shade a part of an axis; `strength` is from -1, against, to 1
 */

/** The importance that has the whole colour, of those of one part: the largest one. */
export const fullColour = (importances) => Math.max(FULL_AT_LEAST, ...importances.map(Math.abs));

/** Strengths from -1 to 1 of the importances of one part. */
export function strengths(importances) {
  const full = fullColour(importances);
  return importances.map((importance) => importance / full);
}

/** Where regions are drawn: two that overlap meet in the middle. */
export function extents({ starts, ends }) {
  return starts.map((start, at) => ({
    from: at ? (ends[at - 1] + start) / 2 : start,
    to: at + 1 < starts.length ? (ends[at] + starts[at + 1]) / 2 : ends[at],
  }));
}

/**
 * Paint shades behind what uPlot draws.
 * @param {Object} plot of uPlot
 * @param {Shade[]} shades
 */
export function paint(plot, shades) {
  const { ctx, bbox } = plot;
  const strip = Math.round(STRIP * rem() * devicePixelRatio);
  const [first, last] = [bbox.left, bbox.left + bbox.width];
  const place = (x) => Math.round(Math.min(Math.max(plot.valToPos(x, "x", true), first), last));
  ctx.save();
  for (const { from, to, strength } of shades) {
    const [left, right] = [place(from), place(to)];
    ctx.fillStyle = token(strength > 0 ? "--for" : "--against");
    ctx.globalAlpha = Math.abs(strength) * TINT;
    ctx.fillRect(left, bbox.top, right - left, bbox.height - strip);
    ctx.globalAlpha = Math.abs(strength);
    ctx.fillRect(left, bbox.top + bbox.height - strip, right - left, strip);
  }
  ctx.restore();
}

/** Say what the colours mean, for the importances of one part. */
export function showLegend(host, meaning, importances) {
  replace(
    host,
    el("span", { text: `speaks against “${meaning}”` }),
    el("span", { class: "importance-scale", "aria-hidden": "true" }),
    el("span", { text: `speaks for it (whole colour: ${fullColour(importances).toFixed(1)} log-odds)` }),
  );
}
