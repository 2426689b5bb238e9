/** A line chart with zoom, pan and values under the pointer, by mouse and by keyboard. Drawn by uPlot. */

import { el } from "../core/dom.js";
import { number } from "../core/format.js";
import { axes, padded, stroke } from "./axes.js";
import { paint } from "./importance.js";
import { onTheme, rem } from "./theme.js";

/**
 * @typedef {{name: string, values: number[], colour: string, dash?: number[], width?: number}} Line
 *   `colour` is the name of a custom property
 */

export class LineChart {
  #host;
  #options;
  #plot = null;
  #lines = [];
  #x = [];
  #zoom = null;
  #heldY = null;
  #shades = [];
  #note = () => "";
  #readout = el("p", { class: "readout" });
  #spoken = el("p", { class: "visually-hidden", "aria-live": "polite" });

  /**
   * @param {HTMLElement} host
   * @param {Object} options
   * @param {string} options.label of the chart, for screen readers
   * @param {string} options.unit of the x axis: "value 12" or "frequency 12"
   * @param {(x: number) => string} [options.place] the x value in words
   * @param {string} [options.axis] title of the x axis
   * @param {number} options.height in rem
   * @param {(zoom: [number, number]|null) => void} [options.onZoom]
   * @param {() => string} [options.hint] shown while there is no value under the pointer
   * @param {() => boolean} [options.holdsPointer] whether another tool has the pointer
   */
  constructor(host, options) {
    this.#host = host;
    this.#options = options;
    host.classList.add("chart");
    host.tabIndex = 0;
    host.setAttribute("role", "application");
    host.setAttribute("aria-roledescription", "chart");
    host.addEventListener("keydown", (event) => this.#onKey(event));
    host.addEventListener("focus", () => this.#describe());
    host.after(this.#readout, this.#spoken);
    new ResizeObserver(() => this.#resize()).observe(host);
    onTheme(() => this.#plot?.redraw());
  }

  /** The uPlot object; null before there are data. */
  get plot() {
    return this.#plot;
  }

  /** The part of the x axis that is shown; null for all. */
  get zoom() {
    return this.#zoom;
  }

  /**
   * Show lines.
   * @param {number[]} x ascending
   * @param {Line[]} lines
   */
  show(x, lines) {
    const same = lines.length === this.#lines.length && lines.every((line, at) => line.name === this.#lines[at].name);
    const kept = same && this.#plot && x.length === this.#x.length;
    if (x.length !== this.#x.length) this.#zoom = null;
    this.#x = x;
    this.#lines = lines;
    const data = [x, ...lines.map((line) => line.values)];
    if (kept) this.#plot.setData(data);
    else this.#create(data);
    if (this.#zoom) this.#plot.setScale("x", { min: this.#zoom[0], max: this.#zoom[1] });
    this.#describe();
  }

  /**
   * Colour parts of the x axis.
   * @param {import("./importance.js").Shade[]} shades
   * @param {(x: number) => string} [note] of a place, said with its values
   */
  shade(shades, note = () => "") {
    this.#shades = shades;
    this.#note = note;
    this.#plot?.redraw(false);
  }

  /** Keep the y axis as it is, so that it does not move under a pointer that draws; null lets it follow the data. */
  holdY(range) {
    this.#heldY = range;
  }

  /** Zoom to a part of the x axis; null for all. */
  zoomTo(zoom) {
    const [first, last] = [this.#x[0], this.#x.at(-1)];
    let found = zoom && [Math.max(first, zoom[0]), Math.min(last, zoom[1])];
    if (!found || found[1] - found[0] >= last - first || !(found[1] - found[0] > 0)) found = null;
    this.#zoom = found;
    const [min, max] = found ?? [first, last];
    this.#plot?.setScale("x", { min, max });
    this.#options.onZoom?.(found);
  }

  /** Zoom by a factor around the middle; below 1 shows less. */
  zoomBy(factor) {
    const [min, max] = this.#range();
    const half = (Math.max(4 * this.#step(), (max - min) * factor)) / 2;
    this.zoomTo([(min + max) / 2 - half, (min + max) / 2 + half]);
  }

  /** Move what is shown by a share of its width. */
  panBy(share) {
    const [min, max] = this.#range();
    this.#panFrom([min, max], (max - min) * share);
  }

  /** Show a range moved along the x axis, not beyond its ends. */
  #panFrom([min, max], distance) {
    const by = Math.min(Math.max(distance, this.#x[0] - min), this.#x.at(-1) - max);
    this.zoomTo([min + by, max + by]);
  }

  #range() {
    return this.#zoom ?? [this.#x[0], this.#x.at(-1)];
  }

  #step() {
    return this.#x[1] - this.#x[0] || 1;
  }

  #create(data) {
    this.#plot?.destroy();
    const size = rem();
    const options = {
      ...this.#size(),
      legend: { show: false },
      padding: [0.5 * size, 0.75 * size, 0, 0],
      cursor: {
        y: false,
        points: { size: 0.45 * size },
        bind: { mousedown: (plot, _target, handler) => (event) => this.#onPointer(plot, event, handler) },
      },
      scales: { x: { time: false }, y: { range: (_plot, low, high) => this.#heldY ?? padded(low, high) } },
      axes: axes(this.#options.axis),
      series: [{}, ...this.#lines.map((line, at) => stroke(line, () => this.#lines[at].colour))],
      hooks: {
        drawClear: [(plot) => paint(plot, this.#shades)],
        setCursor: [() => this.#read()],
        setSelect: [(plot) => this.#onSelect(plot)],
      },
    };
    this.#plot = new globalThis.uPlot(options, data, this.#host);
    this.#plot.root.querySelector(".u-over").addEventListener("dblclick", () => this.zoomTo(null));
  }

  #size() {
    const width = Math.max(100, Math.floor(this.#host.clientWidth));
    return { width, height: Math.round(this.#options.height * rem()) };
  }

  #resize() {
    const size = this.#size();
    if (this.#plot && size.width !== this.#plot.width) this.#plot.setSize(size);
  }

  /** A drag zooms, a drag with Shift pans. */
  #onPointer(plot, event, handler) {
    if (this.#options.holdsPointer?.()) return;
    if (!event.shiftKey) {
      handler(event);
      return;
    }
    const [min, max] = this.#range();
    const width = plot.root.querySelector(".u-over").clientWidth;
    const move = (moved) => {
      this.#panFrom([min, max], ((event.clientX - moved.clientX) / width) * (max - min));
    };
    const stop = () => document.removeEventListener("mousemove", move);
    document.addEventListener("mousemove", move);
    document.addEventListener("mouseup", stop, { once: true });
  }

  #onSelect(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const zoom = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.zoomTo(zoom);
  }

  #read() {
    const index = this.#plot?.cursor.idx;
    if (index === null || index === undefined) this.#describe();
    else this.#readout.textContent = this.#sentence(index);
  }

  #sentence(index) {
    const place = this.#options.place?.(this.#x[index]) ?? `${this.#options.unit} ${number(this.#x[index])}`;
    const note = this.#note(this.#x[index]);
    const named = (line) => (this.#lines.length > 1 ? `${line.name} ` : "") + number(line.values[index]);
    return `${place}: ${[...this.#lines.map(named), ...(note ? [note] : [])].join(" · ")}`;
  }

  #describe() {
    this.#host.setAttribute(
      "aria-label",
      `${this.#options.label}. Left and right arrow keys read values, plus and minus zoom, 0 shows all, ` +
        "Page Up and Page Down move.",
    );
    this.#readout.textContent = this.#options.hint?.() ?? "";
  }

  #onKey(event) {
    const index = this.#plot?.cursor.idx ?? 0;
    const jump = event.shiftKey ? 10 : 1;
    const actions = {
      ArrowLeft: () => this.#moveTo(index - jump),
      ArrowRight: () => this.#moveTo(index + jump),
      Home: () => this.#moveTo(0),
      End: () => this.#moveTo(this.#x.length - 1),
      "+": () => this.zoomBy(0.5),
      "=": () => this.zoomBy(0.5),
      "-": () => this.zoomBy(2),
      0: () => this.zoomTo(null),
      PageUp: () => this.panBy(-0.5),
      PageDown: () => this.panBy(0.5),
    };
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || !this.#plot) return;
    event.preventDefault();
    action();
  }

  #moveTo(index) {
    const at = Math.min(Math.max(index, 0), this.#x.length - 1);
    const [min, max] = this.#range();
    if (this.#x[at] < min || this.#x[at] > max) this.panBy(this.#x[at] < min ? -0.5 : 0.5);
    this.#plot.setCursor({ left: this.#plot.valToPos(this.#x[at], "x"), top: 0 });
    this.#spoken.textContent = this.#sentence(at);
  }
}
