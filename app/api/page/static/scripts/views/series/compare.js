/** Two series side by side: the pinned one and the one on screen. */

import { LineChart } from "../../charts/line.js";
import { classColour } from "../../charts/theme.js";
import { byId, el, replace } from "../../core/dom.js";
import { probabilities, verdictText } from "../answers/result.js";

/** The comparison below the series. Its two charts have the same x axis. */
export class Comparison {
  #charts = ["pinned", "current"].map(
    (id) =>
      new LineChart(byId(`${id}-chart`), {
        label: id === "pinned" ? "The pinned series" : "The series on screen",
        unit: "value",
        height: 9,
      }),
  );

  #labels;

  /** @param {import("../answers/result.js").Labels} labels */
  constructor(labels) {
    this.#labels = labels;
  }

  /**
   * Show one side.
   * @param {0|1} side pinned, or current
   * @param {string} name
   * @param {number[][]} channels
   * @param {Object} [prediction] missing until the server has answered
   */
  show(side, name, channels, prediction) {
    const labels = this.#labels;
    const id = ["pinned", "current"][side];
    byId(`${id}-name`).textContent = name;
    const known = prediction && prediction.label_set?.length !== 0;
    const colour = known ? classColour(labels.classOf(prediction.label)) : "--unlike";
    this.#charts[side].show(
      channels[0].map((_value, index) => index + 1),
      channels.map((values, channel) => ({ name: `channel ${channel + 1}`, values, colour })),
    );
    replace(byId(`${id}-result`), ...(prediction ? summary(prediction, labels) : [el("p", { class: "hint", text: "…" })]));
  }
}

function summary(prediction, labels) {
  return [
    verdictText(prediction, labels),
    probabilities(prediction, labels),
    typeof prediction.ood_score === "number"
      ? el("p", {}, "Out-of-distribution score ", el("strong", { class: "figure", text: prediction.ood_score.toFixed(3) }))
      : null,
  ];
}
