/** What the model does, in the words of its contract. */

import { byId } from "../../core/dom.js";
import { count, either } from "../../core/format.js";

const MOST_NAMED = 3;

/** Fill in heading, first sentence and the note on samples. */
export function introduce({ labels, input, name, provenance }) {
  const meanings = labels.map((label) => label.meaning || label.name);
  const question = `${either(meanings)}?`;
  byId("question").textContent =
    labels.length <= MOST_NAMED
      ? question.charAt(0).toUpperCase() + question.slice(1)
      : `Which of ${labels.length} classes?`;
  byId("lead").textContent =
    `The model ${name} reads ${count(input.length, "value")} of a time series and tells which class it belongs to, ` +
    "how sure it is, and whether the series is unlike anything seen in training. Choose a sample, or bring your own.";
  byId("samples-note").textContent =
    `The samples are test series of ${provenance.dataset}, sealed with the model. They belong to the publishers of ` +
    "that data set; the model card names its source. White noise and the sine are made here.";
}
