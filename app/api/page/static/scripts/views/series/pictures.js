/** The series on screen and its spectrum beside the mean spectra of the classes. */

import { LineChart } from "../../charts/line.js";
import { classColour } from "../../charts/theme.js";
import { byId, el, replace, svg } from "../../core/dom.js";
import { logPower } from "../../input/spectrum.js";
import { moments } from "../../input/transform.js";

// Of the class spectra, so that they differ without colour, too.
const DASHES = [undefined, [8, 4], [2, 3], [12, 4, 2, 4]];
// The y axis in drawing mode, in standard deviations on either side of the mean.
const DRAWING_RANGE = 4;
// Decades below the classes' spectra that are shown.
const LOWEST = 2;

export class Pictures {
  #series;
  #spectrum;
  #spectra;
  #labels;
  #drawing = false;

  /**
   * @param {{window: number, log_power: Object<string, number[]>}} spectra of the classes
   * @param {import("../answers/result.js").Labels} labels
   * @param {(zoom: [number, number]|null) => void} onZoom
   */
  constructor(spectra, labels, onZoom) {
    this.#spectra = spectra;
    this.#labels = labels;
    this.#series = new LineChart(byId("series-chart"), {
      label: "The series",
      unit: "value",
      height: 16,
      hint: () => (this.#drawing ? "Draw here." : "Drag to zoom in, double-click to show all."),
      holdsPointer: () => this.#drawing,
      onZoom: (zoom) => {
        byId("zoom-all").disabled = !zoom;
        onZoom(zoom);
      },
    });
    this.#spectrum = new LineChart(byId("spectrum-chart"), {
      label: "The power spectrum of the series beside the mean spectra of the classes",
      unit: "frequency",
      place: (x) => `${x.toFixed(1)} cycles per 100 values`,
      axis: "cycles per 100 values",
      height: 13,
      hint: () => "Logarithm of the power of the standardised series, averaged over time.",
    });
    byId("zoom-in").addEventListener("click", () => this.#series.zoomBy(0.5));
    byId("zoom-out").addEventListener("click", () => this.#series.zoomBy(2));
    byId("pan-left").addEventListener("click", () => this.#series.panBy(-0.5));
    byId("pan-right").addEventListener("click", () => this.#series.panBy(0.5));
    byId("zoom-all").addEventListener("click", () => this.#series.zoomTo(null));
    replace(byId("spectrum-legend"), ...this.#classLines().map(legendItem), legendItem(ownLine([])));
  }

  /** The uPlot object of the series. */
  get plot() {
    return this.#series.plot;
  }

  /** Whether the pointer draws. */
  get drawing() {
    return this.#drawing;
  }

  /** Zoom the series; null for all of it. */
  zoomTo(zoom) {
    this.#series.zoomTo(zoom);
  }

  /** The part of the series that is shown; null for all of it. */
  get zoom() {
    return this.#series.zoom;
  }

  /**
   * Colour parts of the series and of the spectrum.
   * @param {(import("../../charts/importance.js").Shade & {text: string})[]} time
   * @param {(import("../../charts/importance.js").Shade & {text: string})[]} frequency
   */
  shade(time, frequency) {
    this.#series.shade(time, noteOf(time));
    this.#spectrum.shade(frequency, noteOf(frequency));
  }

  /** Let the pointer draw, on a y axis that stays as it is. */
  setDrawing(on, channels) {
    this.#drawing = on;
    byId("series-chart").classList.toggle("drawing", on);
    const { mean, deviation } = moments(channels[0]);
    const half = DRAWING_RANGE * (deviation || 1);
    this.#series.holdY(on ? [mean - half, mean + half] : null);
    if (on) this.#series.zoomTo(null);
    this.show(channels);
  }

  /** Show a series. */
  show(channels) {
    const lines = channels.map((values, channel) => ({
      name: `channel ${channel + 1}`,
      values,
      colour: channels.length > 1 ? classColour(channel) : "--ink",
    }));
    this.#series.show(channels[0].map((_value, index) => index + 1), lines);
    this.#showSpectrum(channels);
  }

  #showSpectrum(channels) {
    const { window } = this.#spectra;
    const bins = Math.floor(window / 2) + 1;
    const classes = this.#classLines();
    // A tone has hardly any power elsewhere: down to there, the other lines would be flat.
    const floor = Math.min(...classes.flatMap((line) => line.values.slice(1))) - LOWEST;
    const isLong = channels[0].length >= window;
    const own = isLong ? logPower(channels, window).map((value) => Math.max(value, floor)) : new Array(bins).fill(null);
    const frequencies = own.map((_value, bin) => (bin * 100) / window);
    // Without the lowest one: of a standardised series it is near 0, far below all others.
    const shown = [...classes, ownLine(own)].map((line) => ({ ...line, values: line.values.slice(1) }));
    this.#spectrum.show(frequencies.slice(1), shown);
  }

  #classLines() {
    const { log_power: spectra } = this.#spectra;
    return this.#labels.names
      .filter((label) => spectra[label])
      .map((label) => {
        const index = this.#labels.classOf(label);
        const dash = DASHES[index % DASHES.length];
        return { name: this.#labels.meaningOf(label), values: spectra[label], colour: classColour(index), dash };
      });
  }
}

/** What the shade at a place says. */
const noteOf = (shades) => (x) => shades.find(({ from, to }) => from <= x && x <= to)?.text ?? "";

const ownLine = (values) => ({ name: "this series", values, colour: "--ink", width: 2 });

function legendItem({ name, colour, dash, width = 1.5 }) {
  const line = svg("line", { x1: 0, x2: 24, y1: 4, y2: 4, "stroke-width": width + 0.5, "stroke-dasharray": dash?.join(" ") });
  line.style.setProperty("stroke", `var(${colour})`);
  return el("li", {}, svg("svg", { viewBox: "0 0 24 8", "aria-hidden": "true" }, line), el("span", { text: name }));
}
