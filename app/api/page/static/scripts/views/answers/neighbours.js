/** The nearest training series beside the series on screen, asked for while their section is open. */

import { sparkline } from "../../charts/sparkline.js";
import { byId, el, replace } from "../../core/dom.js";
import { count, either, number } from "../../core/format.js";
import { Latest } from "../../core/latest.js";
import { fromInstance, toInstance } from "../../input/channels.js";
import { predict } from "../../server/api.js";

const SHOWN = 3;
// Milliseconds for which a series must stay as it is: a slider that moves asks for no neighbours.
const DELAY = 300;
// Of a small chart.
const MOST_POINTS = 600;

export class NeighbourPanel {
  #labels;
  #median;
  #onFailure;
  #latest = new Latest(DELAY);
  #details = byId("neighbours-details");
  /** @type {number[][]|null} */
  #channels = null;
  #isStale = true;

  /**
   * @param {Object} contract
   * @param {import("./result.js").Labels} labels
   * @param {(failure: import("../../server/failure.js").Failure) => void} onFailure
   */
  constructor(contract, labels, onFailure) {
    const spec = contract.extra_outputs?.content?.neighbours;
    this.#labels = labels;
    this.#onFailure = onFailure;
    byId("neighbours").hidden = !spec;
    if (!spec) return;
    this.#median = spec.median_distance;
    byId("neighbours-meaning").textContent =
      `Of ${count(spec.number, "training series", "training series")}, those that look most alike to the model: by the ` +
      "distance of its inner representations, not of the values. They were labelled by people, not by this model.";
    this.#details.addEventListener("toggle", () => this.#update(0));
  }

  /** Another series is on screen. */
  setSeries(channels) {
    this.#channels = channels;
    this.#isStale = true;
    this.#update(DELAY);
  }

  #update(delay) {
    if (!this.#details.open || !this.#isStale || !this.#channels) return;
    const channels = this.#channels;
    this.#setBusy(true);
    this.#latest.run(async (signal) => {
      try {
        const [{ neighbours }] = (await predict([toInstance(channels)], signal, SHOWN)).predictions;
        this.#isStale = false;
        this.#show(channels, neighbours ?? []);
      } catch (failure) {
        if (failure.name === "AbortError") return;
        if (!failure.kind) throw failure;
        this.#refuse(failure);
      }
    }, delay);
  }

  #setBusy(busy) {
    this.#details.querySelector(".neighbours-body").setAttribute("aria-busy", String(busy));
  }

  #show(channels, neighbours) {
    this.#setBusy(false);
    byId("neighbours-error").textContent = "";
    byId("neighbours-summary").textContent = this.#summary(neighbours);
    const own = el("li", { class: "neighbour own" }, ...pictures(channels), el("p", {}, el("strong", { text: "this series" })));
    replace(byId("neighbour-list"), own, ...neighbours.map((each) => this.#item(each)));
  }

  #refuse(failure) {
    this.#setBusy(false);
    byId("neighbours-summary").textContent = "";
    byId("neighbours-error").textContent = `No neighbours. ${failure.message}`;
    replace(byId("neighbour-list"));
    this.#onFailure(failure);
  }

  /** How many have which label, and how near the nearest one is. */
  #summary(neighbours) {
    if (!neighbours.length) return "The server found no training series.";
    const counts = new Map();
    for (const { label } of neighbours) counts.set(label, (counts.get(label) ?? 0) + 1);
    const parts = [...counts].map(([label, size], at) =>
      at ? `${size} “${this.#labels.meaningOf(label)}”` : `${size} of ${neighbours.length} are “${this.#labels.meaningOf(label)}”`,
    );
    const times = neighbours[0].distance / this.#median;
    const near = Number.isFinite(times)
      ? ` The nearest one is at ${number(Number(times.toPrecision(2)))} times the usual distance from one training series to the next.`
      : "";
    return `${either(parts, "and")}.${near}`;
  }

  #item({ index, label, distance, series }) {
    return el(
      "li",
      { class: `neighbour class-${this.#labels.classOf(label) % 8}` },
      ...(series ? pictures(fromInstance(series)) : []),
      el("p", {}, el("strong", { text: this.#labels.meaningOf(label) })),
      el("p", { class: "hint", text: `distance ${number(distance)}` }),
      el("p", { class: "hint", text: `training series ${(index + 1).toLocaleString("en")}` }),
    );
  }
}

/** A small chart of each channel. */
const pictures = (channels) => channels.map((values) => sparkline(values, MOST_POINTS));
