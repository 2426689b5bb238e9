/** The model: version, engine, measured figures, and its card. */

import { el, replace } from "../../core/dom.js";
import { markdown } from "./markdown.js";

/**
 * Show the model.
 * @param {HTMLElement} facts
 * @param {HTMLElement} card filled when it is opened
 * @param {Object} model of `GET /model`
 */
export function showModel(facts, card, model) {
  const { contract } = model;
  const accuracy = contract.metrics.accuracy;
  const rows = [
    ["Version", `${contract.name} ${contract.version}, sealed ${contract.created.slice(0, 10)}`],
    ["Engine", model.engine ?? "being loaded"],
    ["Input", `${contract.input.length} values${contract.input.channels > 1 ? ` of ${contract.input.channels} channels` : ""}`],
    ["Classes", contract.labels.map((label) => `${label.meaning || label.name} (${label.name})`).join(", ")],
    ["Weights", contract.parameters.toLocaleString("en")],
    accuracy ? ["Accuracy on test series", `${(accuracy * 100).toFixed(2)} %`] : null,
    ["Trained on", contract.provenance.dataset],
    model.loaded.length > 1 ? ["Loaded versions", model.loaded.join(", ")] : null,
  ];
  replace(facts, ...rows.filter(Boolean).flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]));
  const body = card.querySelector(".card-text");
  body.replaceChildren();
  const fill = () => {
    if (card.open && !body.firstChild) body.append(...markdown(model.card || "This model has no card."));
  };
  card.addEventListener("toggle", fill, { once: true });
  fill();
}
