/** A heatmap of time-frequency cells, whose values are read by pointer and by keyboard. */

import { el, replace, svg } from "../core/dom.js";
import { extents, fullColour, strengths } from "./importance.js";

export class Heatmap {
  #picture = svg("svg", { class: "cells", preserveAspectRatio: "none", "aria-hidden": "true" });
  #host;
  #lowest = el("span");
  #highest = el("span");
  #first = el("span");
  #last = el("span");
  #readout = el("p", { class: "readout" });
  #spoken = el("p", { class: "visually-hidden", "aria-live": "polite" });
  #hint;
  #full = 0;
  #sentence = () => "";
  #rects = [];
  #at = null;
  #range = [0, 1];
  #heights = [0, 1];

  /**
   * @param {HTMLElement} host
   * @param {Object} options
   * @param {string} options.label for screen readers
   * @param {string} options.hint shown while no cell is read
   */
  constructor(host, { label, hint }) {
    this.#host = host;
    this.#hint = hint;
    host.classList.add("heatmap");
    host.tabIndex = 0;
    host.setAttribute("role", "application");
    host.setAttribute("aria-roledescription", "heatmap");
    host.setAttribute("aria-label", `${label}. Arrow keys read the cells.`);
    host.append(
      el("div", { class: "cells-bands", "aria-hidden": "true" }, this.#highest, this.#lowest),
      this.#picture,
      el("div", { class: "cells-windows", "aria-hidden": "true" }, this.#first, this.#last),
    );
    host.after(this.#readout, this.#spoken);
    host.addEventListener("keydown", (event) => this.#onKey(event));
    host.addEventListener("blur", () => this.#read(null));
    this.#picture.addEventListener("pointermove", ({ target }) => {
      if (target.dataset.window) this.#read([Number(target.dataset.window), Number(target.dataset.band)]);
    });
    this.#picture.addEventListener("pointerleave", () => this.#read(null));
  }

  /**
   * Show cells.
   * @param {{windows: Object, bands: Object, importances: number[][]}} cells of an explanation
   * @param {[number, number]} range of time steps
   * @param {(window: number, band: number) => string} sentence of a cell
   */
  show({ windows, bands, importances }, range, sentence) {
    this.#sentence = sentence;
    const [columns, rows] = [extents(windows), extents(bands)];
    const flat = strengths(importances.flat());
    this.#full = fullColour(importances.flat());
    this.#heights = [rows[0].from, rows.at(-1).to];
    [this.#lowest.textContent, this.#highest.textContent] = this.#heights.map((edge) => (edge * 100).toFixed(0));
    this.#rects = columns.map((column, window) =>
      rows.map((row, band) => {
        const strength = flat[window * rows.length + band];
        return svg("rect", {
          x: column.from,
          y: this.#heights[1] - row.to,
          width: column.to - column.from,
          height: row.to - row.from,
          class: strength > 0 ? "for" : "against",
          "fill-opacity": Math.abs(strength).toFixed(3),
          "data-window": window,
          "data-band": band,
        });
      }),
    );
    replace(this.#picture, ...this.#rects.flat());
    this.#range = range;
    this.zoomTo(null);
    this.#read(null);
  }

  /** Show a part of the time steps; null for all. */
  zoomTo(zoom) {
    const [first, last] = zoom ?? this.#range;
    [this.#first.textContent, this.#last.textContent] = [first, last].map((step) => String(Math.round(step + 0.5)));
    this.#picture.setAttribute("viewBox", `${first} 0 ${last - first} ${this.#heights[1] - this.#heights[0]}`);
  }

  #read(cell) {
    if (this.#at) this.#rects[this.#at[0]]?.[this.#at[1]]?.classList.remove("read");
    this.#at = cell;
    if (cell) {
      const rect = this.#rects[cell[0]][cell[1]];
      rect.classList.add("read");
      rect.parentNode.append(rect); // above its neighbours, so that its outline is whole
    }
    this.#readout.textContent = cell ? this.#sentence(...cell) : `${this.#hint} Whole colour: ${this.#full.toFixed(1)} log-odds.`;
  }

  #onKey(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!steps || event.ctrlKey || event.metaKey || event.altKey || !this.#rects.length) return;
    event.preventDefault();
    const [window, band] = this.#at ?? [0, 0];
    const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
    const next = this.#at
      ? [within(window + steps[0], this.#rects.length), within(band + steps[1], this.#rects[0].length)]
      : [0, 0];
    this.#read(next);
    this.#spoken.textContent = this.#sentence(...next);
  }
}
