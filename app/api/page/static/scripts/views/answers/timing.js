/** `Server-Timing` of the last answer as a bar. */

import { el, replace } from "../../core/dom.js";
import { milliseconds } from "../../core/format.js";

const STEPS = { parse: "parse", queue: "queue", infer: "model", rest: "other", network: "network" };

/**
 * The steps of an answer in milliseconds.
 * @param {string} header
 * @param {number} elapsed milliseconds that the browser measured
 * @returns {{steps: Object<string, number>, batch: string}}
 */
export function readTiming(header, elapsed) {
  const found = {};
  let batch = "";
  for (const part of header.split(",")) {
    const [name, ...parameters] = part.split(";").map((each) => each.trim());
    for (const parameter of parameters) {
      const [key, value = ""] = parameter.split("=");
      if (key === "dur") found[name] = Number(value) || 0;
      if (key === "desc" && name === "batch") batch = value.replaceAll('"', "");
    }
  }
  const { parse = 0, queue = 0, infer = 0, total = 0 } = found;
  const rest = Math.max(0, total - parse - queue - infer);
  return { steps: { parse, queue, infer, rest, network: Math.max(0, elapsed - total) }, batch };
}

/** Show the timing of an answer. */
export function showTiming(host, answer) {
  const { steps, batch } = readTiming(answer.serverTiming, answer.elapsed);
  const server = steps.parse + steps.queue + steps.infer + steps.rest;
  const bar = el("div", { class: "timing-bar", "aria-hidden": "true" });
  const legend = el("ul", { class: "timing-legend" });
  for (const [name, text] of Object.entries(STEPS)) {
    if (name !== "network") {
      const part = el("span", { class: `timing-part timing-${name}` });
      part.style.setProperty("--share", String(steps[name] / (server || 1)));
      bar.append(part);
    }
    legend.append(
      el("li", { class: `timing-${name}` }, el("span", { text }), el("span", { class: "figure", text: milliseconds(steps[name]) })),
    );
  }
  replace(
    host,
    el("p", {}, el("strong", { text: milliseconds(server) }), ` in the server${batch ? `, in a batch of ${batch}` : ""}`),
    bar,
    legend,
  );
}
