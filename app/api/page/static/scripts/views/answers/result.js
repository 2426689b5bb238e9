/** What the model says of one series: verdict, probabilities, label set, score and warnings, in words. */

import { referencePicture } from "../../charts/reference.js";
import { el, replace } from "../../core/dom.js";
import { either, percent, share } from "../../core/format.js";

const MOST_SHOWN = 8;

/**
 * Words for the contract's labels.
 * @typedef {{names: string[], meaningOf: (label: string) => string, classOf: (label: string) => number,
 *   probabilitiesOf: (prediction: Object) => [string, number][], trust: Object|null}} Labels
 */

/**
 * @param {Object} contract
 * @returns {Labels}
 */
export function labelsOf(contract) {
  const meanings = new Map(contract.labels.map((label) => [label.name, label.meaning || label.name]));
  const names = [...meanings.keys()];
  return {
    names,
    meaningOf: (label) => meanings.get(label) ?? label,
    classOf: (label) => Math.max(0, names.indexOf(label)),
    // In the contract's order: an object of JavaScript has keys such as "1" first.
    probabilitiesOf: ({ probabilities }) => names.map((label) => [label, probabilities[label]]),
    trust: contract.trust,
  };
}

/**
 * The verdict on a prediction: a state for style, a headline, and what it means.
 * @param {Object} prediction
 * @param {Labels} labels
 * @returns {{state: "sure"|"unsure"|"unlike", headline: string, sentence: string}}
 */
export function verdict(prediction, labels) {
  const level = labels.trust ? share(labels.trust.label_sets.level) : "";
  const set = prediction.label_set;
  const headline = labels.meaningOf(prediction.label);
  if (!set) return { state: "sure", headline, sentence: "The most probable class. This model has no label sets." };
  if (set.length === 1) {
    return { state: "sure", headline, sentence: `Sure: the only plausible label at the ${level} level.` };
  }
  if (!set.length) {
    return {
      state: "unlike",
      headline: "Unlike anything seen in training",
      sentence: `The label set is empty. The most probable class would be “${headline}”: do not use it.`,
    };
  }
  const names = set.map((label) => `“${labels.meaningOf(label)}”`);
  return {
    state: "unsure",
    headline: set.length === 2 ? "Unsure: either" : "Unsure",
    sentence: `At the ${level} level the series may be ${either(names)}.`,
  };
}

/** Say that there is no prediction, and why. */
export function showNoResult(host, reason) {
  replace(host, el("p", { class: "hint", text: `No prediction: ${reason}.` }));
}

/**
 * Show a prediction.
 * @param {HTMLElement} host
 * @param {Object} prediction
 * @param {Labels} labels
 */
export function showResult(host, prediction, labels) {
  replace(
    host,
    verdictText(prediction, labels),
    probabilities(prediction, labels),
    score(prediction, labels, verdict(prediction, labels).state === "unlike"),
    warnings(prediction.warnings ?? []),
  );
}

/** The headline and the sentence of the verdict. */
export function verdictText(prediction, labels) {
  const { state, headline, sentence } = verdict(prediction, labels);
  return el(
    "div",
    { class: `verdict ${state}` },
    el("p", { class: "headline", text: headline }),
    el("p", { class: "sentence", text: sentence }),
  );
}

/** The probabilities as bars: of many classes the most probable ones. */
export function probabilities(prediction, labels) {
  const sorted = labels.probabilitiesOf(prediction);
  if (sorted.length > 3) sorted.sort(([, one], [, other]) => other - one);
  const rows = sorted.slice(0, MOST_SHOWN).map(([label, p]) => {
    const fill = el("span", { class: `bar-fill fill-${labels.classOf(label) % 8}` });
    fill.style.setProperty("--share", String(p));
    const inSet = prediction.label_set?.includes(label);
    return el(
      "li",
      { class: label === prediction.label ? "bar likely" : "bar" },
      el("span", { class: "bar-name", text: labels.meaningOf(label) }),
      el("span", { class: "bar-value", text: percent(p) }),
      el("span", { class: "bar-track", "aria-hidden": "true" }, fill),
      el("span", { class: "visually-hidden", text: inSet ? "in the label set" : "" }),
    );
  });
  const rest = sorted.length - rows.length;
  return el(
    "div",
    {},
    el("h3", { text: "Probabilities" }),
    el("ul", { class: "bars" }, ...rows),
    rest > 0 ? el("p", { class: "hint", text: `and ${rest} less probable classes` }) : null,
  );
}

function score(prediction, labels, unlike) {
  if (prediction.ood_score === null || prediction.ood_score === undefined || !labels.trust) return null;
  const { ood_score: value } = prediction;
  const words =
    value >= 1
      ? "More unusual than every series that training held out."
      : `More unusual than ${share(value)} of the series that training held out.`;
  return el(
    "div",
    {},
    el("h3", {}, "Out-of-distribution score ", el("span", { class: "figure", text: value.toFixed(value >= 0.9995 ? 2 : 3) })),
    referencePicture(labels.trust.novelty, value, unlike),
    el("p", { class: "ends", "aria-hidden": "true" }, el("span", { text: "usual" }), el("span", { text: "unlike training" })),
    el("p", { class: "hint", text: words }),
  );
}

function warnings(found) {
  if (!found.length) return null;
  const items = found.map((warning) =>
    el(
      "li",
      { class: "warning" },
      el("p", { class: "warning-text", text: warning.message }),
      el("p", { class: "warning-remedy", text: warning.remedy }),
    ),
  );
  return el("div", {}, el("h3", { text: found.length === 1 ? "Warning" : "Warnings" }), el("ul", { class: "warnings" }, ...items));
}
