/** Explanations in words. */

import { percent, share } from "../../core/format.js";

// Smaller importances than this, in log-odds, move a probability of 50 % by less than 5 points.
const MATTERS = 0.2;
// From this share of copies unlike the training data on, an explanation says little.
const MANY_UNLIKE = 0.25;

const DONE = {
  smooth_window: "A window of time is pulled to the mean of the series.",
  interpolated_gap: "A window of time is replaced by a straight line.",
  band_gain: "A frequency band is set to the power that training series usually have there.",
  band_stop: "A frequency band is removed.",
  cell_gain: "A cell is set to the power that training series usually have in its band.",
  cell_stop: "A cell is removed.",
};

/** A window of time steps, with values that count from 1. */
export const windowName = (start, end) => `values ${Math.floor(start) + 1} to ${Math.ceil(end)}`;

/** The unit of frequency, as that of the spectrum. */
export const UNIT = "cycles per 100 values";

/** The edges of a frequency band, in that unit. */
export const bandEdges = (start, end) => `${(start * 100).toFixed(1)} to ${(end * 100).toFixed(1)}`;

/** A frequency band with its unit. */
export const bandName = (start, end) => `${bandEdges(start, end)} ${UNIT}`;

/** Which way a region speaks, and how much. */
export function speaks(importance, meaning) {
  if (Math.abs(importance) < MATTERS / 10) return "hardly matters";
  return `speaks ${importance > 0 ? "for" : "against"} “${meaning}”, ${signed(importance)}`;
}

/** An importance with its sign. */
export const signed = (importance) => `${importance < 0 ? "−" : "+"}${Math.abs(importance).toFixed(2)}`;

/**
 * The strongest window and band, in sentences.
 * @param {Object} explanation
 * @returns {string[]}
 */
export function strongest({ probability, time, frequency }) {
  const sentence = (part, axis, place, nameOf, regions) => {
    const at = part.importances.indexOf(Math.max(...part.importances));
    const importance = part.importances[at];
    if (importance < MATTERS) return `${place}, no single ${axis} speaks much for it.`;
    const [before, after] = [probability, probability + part.changes[at]].map((p) => percent(Math.min(1, Math.max(0, p))));
    const effect =
      before === after
        ? `its probability stays ${after}, but its log-odds fall by ${importance.toFixed(2)}`
        : `its probability falls from ${before} to ${after}`;
    return `${place}, ${nameOf(regions.starts[at], regions.ends[at])} speak most for it: with them perturbed, ${effect}.`;
  };
  return [
    time && sentence(time, "window", "In time", windowName, time.windows),
    frequency && sentence(frequency, "band", "In frequency", bandName, frequency.bands),
  ].filter(Boolean);
}

/**
 * What the share of perturbed copies that are unlike the training data means.
 * @returns {{text: string, doubtful: boolean}}
 */
export function unlikeSentence(unlike) {
  if (unlike === null) {
    const text =
      "This model has no out-of-distribution score: whether the perturbed copies are like the training data is not known.";
    return { text, doubtful: false };
  }
  if (unlike === 0) return { text: "None of the perturbed copies is unlike the training data.", doubtful: false };
  const shown = unlike < 0.005 ? "Less than 1 %" : share(unlike);
  const doubtful = unlike >= MANY_UNLIKE;
  const end = doubtful
    ? ", where the model’s answers mean little: do not rely on this explanation."
    : ", where the model’s answers mean little.";
  return { text: `${shown} of the perturbed copies are unlike the training data${end}`, doubtful };
}

/** What was done to the series, and what that does not show. */
export function meaningOf({ time, frequency, cells }) {
  const done = [time, frequency, cells].filter(Boolean).map(({ perturbation }) => DONE[perturbation] ?? `Perturbation: ${perturbation}.`);
  return (
    `${[...new Set(done)].join(" ")} The importance is by how much that lowers the log-odds of the label; neighbouring ` +
    "regions overlap. It shows what this model reacts to, not what causes the label."
  );
}
