/** The figures of drift in a table: training data, since the start, and over the last while. */

import { el } from "../../core/dom.js";

// Of many classes those with the largest share.
const MOST_LABELS = 8;
const PSI = { labels: "labels", confidence: "confidence", ood_score: "OOD score" };

/**
 * @param {Object} report
 * @param {import("../answers/result.js").Labels} labels
 * @returns {HTMLElement}
 */
export function figuresTable(report, labels) {
  const { reference, since_start: since, window: recent } = report;
  const columns = ["", "Training data", "Since the start", `Last ${duration(recent.seconds)}`];
  const rows = [
    ...mostFrequent(since, labels).map((label) => [
      `Labelled “${labels.meaningOf(label)}”`,
      (figures) => figures.labels?.[label],
      percent,
    ]),
    ["Mean confidence", (figures) => figures.mean_confidence, percent],
    ["Mean out-of-distribution score", (figures) => figures.mean_ood_score, (value) => value.toFixed(3)],
    ...warned(since).map((code) => [
      `Warning: ${code.replaceAll("_", " ")}`,
      (figures) => figures.warnings?.[code],
      percent,
    ]),
    ...Object.entries(PSI).map(([name, words]) => [
      `Stability index (PSI) of ${words}`,
      (figures) => figures.psi?.[name],
      (value) => value.toFixed(3),
    ]),
  ];
  const body = rows.map(([name, value, words]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", text: name }),
      cell(range(reference.map(value), words)),
      cell(range([value(since)], words)),
      cell(range([value(recent)], words)),
    ),
  );
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Figures of drift" },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ...columns.map((text, at) => (at ? el("th", { scope: "col", class: "numeric", text }) : el("td"))))),
      el("tbody", {}, ...body),
    ),
  );
}

const cell = (text) => el("td", { class: "numeric", text });
const percent = (value) => `${(value * 100).toFixed(1)}\u00a0%`;

/** The lowest and the highest one: the training data are there in several forms, such as rounded. */
function range(values, words) {
  const known = values.filter((value) => typeof value === "number");
  if (!known.length) return "–";
  const [low, high] = [words(Math.min(...known)), words(Math.max(...known))];
  return low === high ? low : `${low} to ${high}`;
}

function mostFrequent({ labels: shares }, labels) {
  const names = labels.names.filter((label) => shares && label in shares);
  if (names.length <= MOST_LABELS) return names;
  return names.sort((one, other) => shares[other] - shares[one]).slice(0, MOST_LABELS);
}

const warned = ({ warnings }) => Object.keys(warnings ?? {}).filter((code) => warnings[code] > 0);

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
