/** The explanation of the series on screen: asked for by a button, and gone when the series changes. */

import { Heatmap } from "../../charts/heatmap.js";
import { extents, showLegend, strengths } from "../../charts/importance.js";
import { byId, el, replace } from "../../core/dom.js";
import { count, milliseconds, percent } from "../../core/format.js";
import { explain } from "../../server/api.js";
import { readTiming } from "../answers/timing.js";
import { cellName, showRegions } from "./regions.js";
import { UNIT, meaningOf, signed, speaks, strongest, unlikeSentence } from "./words.js";

/**
 * @typedef {Object} Options
 * @property {Object|null} support what the server offers; null for no explanations
 * @property {import("../answers/result.js").Labels} labels
 * @property {import("../series/pictures.js").Pictures} pictures
 * @property {() => void} onChange called when an explanation is asked for, or is gone
 * @property {(failure: import("../../server/failure.js").Failure) => void} onFailure
 */

const WORDS = { closed: "Explain", asking: "Cancel", shown: "Hide" };

export class ExplanationPanel {
  #labels;
  #pictures;
  #onChange;
  #onFailure;
  #select = byId("explain-label");
  #button = byId("explain");
  #heatmap = new Heatmap(byId("cells-chart"), {
    label: "Importance of time-frequency cells",
    hint: `Time from left to right, ${UNIT} from bottom to top.`,
  });
  #instance = null;
  #controller = new AbortController();
  #regions = 0;

  /** @param {Options} options */
  constructor({ support, labels, pictures, onChange, onFailure }) {
    this.#labels = labels;
    this.#pictures = pictures;
    this.#onChange = onChange;
    this.#onFailure = onFailure;
    byId("explanation").hidden = !support;
    if (!support) return;
    this.#regions = support.windows + support.bands + support.cells[0] * support.cells[1];
    byId("explain-cost").textContent =
      `The server perturbs ${count(this.#regions, "region")} of the series, one at a time, and predicts each copy: about ` +
      `the work of ${this.#regions.toLocaleString("en")} predictions, which make way for other requests.`;
    replace(
      this.#select,
      el("option", { value: "", text: "the predicted label" }),
      ...labels.names.map((name) => el("option", { value: name, text: `“${labels.meaningOf(name)}”` })),
    );
    this.#button.addEventListener("click", () => (this.isOpen ? this.#close() : this.open(this.#select.value)));
    this.#select.addEventListener("change", () => this.isOpen && this.open(this.#select.value));
  }

  /** Whether an explanation is shown or asked for. */
  get isOpen() {
    return byId("explanation").dataset.state !== "closed";
  }

  /** The label that is explained, empty for the predicted one; null without an explanation. */
  get explained() {
    return this.isOpen ? this.#select.value : null;
  }

  /** The label to explain; empty for the predicted one. */
  get label() {
    return this.#select.value;
  }

  /** Another series is on screen: its explanation is not there until someone asks for it. */
  setSeries(instance) {
    this.#instance = instance;
    this.#fail("");
    if (this.isOpen) this.#close();
  }

  /** Explain a label of the series on screen; empty for the predicted one, unknown ones are taken for that. */
  async open(label) {
    if (byId("explanation").hidden) return;
    this.#select.value = this.#labels.names.includes(label) ? label : "";
    this.#controller.abort();
    const { signal } = (this.#controller = new AbortController());
    this.#fail("");
    this.#enter("asking");
    byId("explain-status").textContent = `Explaining: ${count(this.#regions, "perturbed copy", "perturbed copies")}.`;
    try {
      const answer = await explain(this.#instance, this.#select.value, signal);
      if (!signal.aborted) this.#show(answer);
    } catch (failure) {
      if (failure.name === "AbortError") return;
      if (!failure.kind) throw failure;
      this.#close();
      this.#fail(`No explanation. ${failure.message}`);
      this.#onFailure(failure);
    }
  }

  /** Show the same part of the time steps as the series; null for all. */
  zoomTo(zoom) {
    // The chart counts values from 1.
    this.#heatmap.zoomTo(zoom && zoom.map((value) => value - 0.5));
  }

  #enter(state) {
    byId("explanation").dataset.state = state;
    byId("explanation").setAttribute("aria-busy", String(state === "asking"));
    this.#button.textContent = WORDS[state];
    if (state !== "shown") {
      byId("explanation-result").hidden = true;
      byId("spectrum-importance").hidden = true;
      this.#pictures.shade([], []);
      byId("explain-status").textContent = "";
    }
    this.#onChange();
  }

  #close() {
    this.#controller.abort();
    this.#enter("closed");
  }

  #fail(sentence) {
    byId("explain-error").textContent = sentence;
  }

  #show(answer) {
    const [explanation] = answer.explanations;
    const { label, probability, time, frequency, cells } = explanation;
    const meaning = this.#labels.meaningOf(label);
    const { steps } = readTiming(answer.serverTiming, answer.elapsed);
    const unlike = unlikeSentence(explanation.unlike);
    byId("explanation-result").hidden = false;
    byId("series-importance").hidden = !time;
    if (time) showLegend(byId("series-importance"), meaning, time.importances);
    byId("spectrum-importance").hidden = !frequency;
    if (frequency) showLegend(byId("spectrum-importance"), meaning, frequency.importances);
    replace(
      byId("explanation-words"),
      el("p", {}, "What speaks for ", el("strong", { text: `“${meaning}”` }), `, whose probability is ${percent(probability)}:`),
      el("ul", {}, ...strongest(explanation).map((text) => el("li", { text }))),
      el("p", { class: unlike.doubtful ? "doubt" : "hint", text: unlike.text }),
    );
    this.#pictures.shade(
      time ? shadesOf(time, time.windows, 1, 0.5, meaning) : [],
      frequency ? shadesOf(frequency, frequency.bands, 100, 0, meaning) : [],
    );
    byId("explanation-cells").hidden = !cells;
    if (cells) this.#showCells(cells, meaning);
    showRegions(byId("explanation-table"), explanation);
    byId("explanation-meaning").textContent =
      `${meaningOf(explanation)} ${count(answer.variants, "copy", "copies")} took ${milliseconds(steps.infer)} of the model’s time.`;
    this.#enter("shown");
    byId("explain-status").textContent = `Explained “${meaning}”. ${strongest(explanation).join(" ")} ${unlike.text}`;
  }

  #showCells(cells, meaning) {
    const { windows, bands, importances, changes } = cells;
    const length = this.#instance.length;
    this.#heatmap.show(cells, [0.5, length - 0.5], (window, band) => {
      const importance = importances[window][band];
      const change = `${signed(changes[window][band] * 100)} points of probability`;
      return `${cellName(windows, bands, window, band)} ${UNIT}: ${speaks(importance, meaning)} (${change})`;
    });
    this.zoomTo(this.#pictures.zoom);
  }
}

/** Regions as shades of an axis, whose values are `factor * edge + offset`; each says what it means. */
function shadesOf({ importances }, regions, factor, offset, meaning) {
  const drawn = extents(regions);
  return strengths(importances).map((strength, at) => ({
    from: drawn[at].from * factor + offset,
    to: drawn[at].to * factor + offset,
    strength,
    text: speaks(importances[at], meaning),
  }));
}
