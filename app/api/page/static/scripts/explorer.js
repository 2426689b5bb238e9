/** The series on screen: where it comes from, what the sliders do to it, and what the model says of it. */

import { byId } from "./core/dom.js";
import { percent } from "./core/format.js";
import { decodeView, encodeView } from "./core/fragment.js";
import { Latest } from "./core/latest.js";
import { fromInstance, toChannels, toInstance } from "./input/channels.js";
import { enableDrawing } from "./input/draw.js";
import { DEFAULTS, isUnchanged, transform } from "./input/transform.js";
import { predict } from "./server/api.js";
import { showCalls } from "./views/answers/codepanel.js";
import { ManySeries } from "./views/answers/many.js";
import { NeighbourPanel } from "./views/answers/neighbours.js";
import { enablePeek, showPeek } from "./views/answers/peek.js";
import { labelsOf, showNoResult, showResult, verdict } from "./views/answers/result.js";
import { showTiming } from "./views/answers/timing.js";
import { ExplanationPanel } from "./views/explanation/panel.js";
import { introduce } from "./views/page/intro.js";
import { enableTabs } from "./views/page/tabs.js";
import { Comparison } from "./views/series/compare.js";
import { Pictures } from "./views/series/pictures.js";
import { sampleName, showSamples } from "./views/series/samples.js";
import { showSliders } from "./views/series/sliders.js";
import { enableSources, showInputError } from "./views/series/source.js";

// Milliseconds between two requests while a slider moves.
const REQUEST_INTERVAL = 60;
const LINK_DELAY = 250;
const INPUTS = ["paste", "file", "draw"];

/** @typedef {import("./core/fragment.js").Shown & {prediction?: Object|null}} Shown */

export class Explorer {
  #labels;
  #version;
  #samples;
  #server;
  #latest = new Latest(REQUEST_INTERVAL);
  /** @type {Shown} */
  #shown;
  /** @type {Shown|null} */
  #pinned = null;
  #zoom = null;
  #linkTimer = 0;
  #pictures;
  #comparison;
  #explanation;
  #neighbours;
  #markSample;
  #setSliders;
  #showCalls;

  /**
   * @param {Object} start the document that the page starts from
   * @param {Object} model of `GET /model`
   * @param {{askForKey: () => void, askStatus: () => void}} server
   */
  constructor(start, model, server) {
    const { contract } = model;
    this.#server = server;
    this.#labels = labelsOf(contract);
    this.#version = contract.version;
    const samples = start.samples.map((sample) => ({ ...sample, channels: fromInstance(sample.series) }));
    this.#samples = samples.map((sample) => ({ id: sample.id, name: sampleName(sample), channels: sample.channels }));
    this.#shown = { source: this.#samples[0], changes: { ...DEFAULTS } };
    introduce(contract);
    enablePeek();
    this.#pictures = new Pictures(start.spectra, this.#labels, (zoom) => {
      this.#zoom = zoom;
      this.#explanation?.zoomTo(zoom);
      this.#updateLink();
    });
    this.#comparison = new Comparison(this.#labels);
    this.#createEvidence(model);
    this.#markSample = showSamples(byId("samples"), samples, this.#labels.classOf, (index) => {
      this.#show({ source: this.#samples[index], changes: { ...DEFAULTS } });
    });
    this.#createInputs(contract.input, start.limits);
    this.#showCalls = showCalls(model, start.protocols);
    addEventListener("hashchange", () => this.open(location.hash));
  }

  /** Show the view of a fragment, or the first sample. */
  open(fragment) {
    const view = decodeView(fragment, (id) => this.#samples.find((sample) => sample.id === id));
    this.#pinned = view.pinned;
    if (this.#pinned) this.#classifyPinned(this.#pinned);
    this.#show(view.shown ?? { source: this.#samples[0], changes: { ...DEFAULTS } });
    this.#pictures.zoomTo(view.zoom);
    if (view.explained !== null) this.#explanation.open(view.explained);
  }

  /** Send the series on screen to the server; a newer call replaces this one. */
  classify(delay = 0) {
    const channels = this.#channels;
    byId("prediction").setAttribute("aria-busy", String(delay === 0));
    this.#latest.run(async (signal) => {
      try {
        this.#accept(await predict([toInstance(channels)], signal));
      } catch (failure) {
        if (failure.name !== "AbortError") this.#refuse(failure);
      }
    }, delay);
  }

  get #channels() {
    return transform(this.#shown.source.channels, this.#shown.changes);
  }

  #createEvidence(model) {
    const onFailure = (failure) => failure.kind === "key" && this.#server.askForKey();
    this.#neighbours = new NeighbourPanel(model.contract, this.#labels, onFailure);
    this.#explanation = new ExplanationPanel({
      support: model.explanations ?? null,
      labels: this.#labels,
      pictures: this.#pictures,
      onChange: () => {
        this.#showCalls(toInstance(this.#channels), this.#explanation.label);
        this.#updateLink();
      },
      onFailure,
    });
  }

  #createInputs(spec, limits) {
    const open = (source) => this.#show({ source, changes: { ...DEFAULTS } });
    const many = new ManySeries({
      spec,
      limits,
      labels: this.#labels,
      onOpen: (row, name) => {
        open({ name, channels: toChannels(row.values, spec.channels) });
        byId("work").scrollIntoView({ block: "start" });
      },
      onFailure: (failure) => this.#notify(failure),
    });
    this.#setSliders = showSliders(byId("sliders"), byId("reset-sliders"), (changes) => {
      this.#show({ source: this.#shown.source, changes });
    });
    const openTab = enableTabs(byId("source-tabs"), (panel) => {
      this.#pictures.setDrawing(panel === "panel-draw", this.#channels);
    });
    enableSources(spec, open, (name, rows) => many.run(name, rows), () => openTab("panel-file"));
    const draw = (channels) => open({ name: "drawn series", input: "draw", channels });
    enableDrawing(
      byId("series-chart"),
      () => this.#pictures.plot,
      () => this.#pictures.drawing,
      () => this.#channels[0],
      (values) => draw([values, ...this.#channels.slice(1)]),
    );
    byId("draw-flat").addEventListener("click", () => {
      draw(Array.from({ length: spec.channels }, () => new Array(spec.length).fill(0)));
      this.#pictures.setDrawing(true, this.#channels);
    });
    byId("pin").addEventListener("click", () => {
      this.#pinned = this.#pinned ? null : this.#shown;
      this.#showComparison();
      this.#updateLink();
    });
  }

  #show(shown) {
    this.#shown = shown;
    this.#setSliders(shown.changes);
    this.#markSample(shown.source.id);
    INPUTS.forEach((input) => showInputError(input, ""));
    const channels = this.#channels;
    byId("series-name").textContent = titleOf(shown);
    this.#explanation.setSeries(toInstance(channels));
    this.#pictures.show(channels);
    this.#neighbours.setSeries(channels);
    this.#showCalls(toInstance(channels), this.#explanation.label);
    this.#showComparison();
    this.#updateLink();
    this.classify();
  }

  #accept(answer) {
    const [prediction] = answer.predictions;
    this.#shown.prediction = prediction;
    byId("prediction").setAttribute("aria-busy", "false");
    byId("notice").hidden = answer.version === this.#version;
    byId("notice").textContent = `The server now answers with version ${answer.version}. Reload the page to see its samples and card.`;
    showResult(byId("result"), prediction, this.#labels);
    const { state, headline, sentence } = verdict(prediction, this.#labels);
    byId("spoken").textContent = `${headline}. ${sentence}`;
    showPeek(state, `${headline} · ${percent(Math.max(...Object.values(prediction.probabilities)))}`);
    showTiming(byId("timing"), answer);
    byId("timing-section").hidden = false;
    byId("pin").disabled = false;
    this.#showComparison();
    document.documentElement.dataset.classified = "true";
  }

  #refuse(failure) {
    if (!failure.kind) throw failure;
    byId("prediction").setAttribute("aria-busy", "false");
    const { input } = this.#shown.source;
    if (failure.kind === "input" && input) {
      showInputError(input, failure.message);
      byId("notice").hidden = true;
    } else this.#notify(failure);
    // What is there is the answer to another series.
    showNoResult(byId("result"), failure.kind === "input" ? "the server refused the series" : "the server has not answered");
    showPeek("", "");
    byId("timing-section").hidden = true;
    byId("pin").disabled = !this.#pinned;
    if (failure.retry) this.classify(failure.retry * 1000);
  }

  /** A sentence above the prediction, and what else a failure needs. */
  #notify(failure) {
    const again = failure.retry ? ` Trying again in ${failure.retry} s.` : "";
    byId("notice").textContent = `${failure.message}${again}`;
    byId("notice").hidden = false;
    if (failure.kind === "key") this.#server.askForKey();
    else if (failure.kind !== "input") this.#server.askStatus();
  }

  async #classifyPinned(pinned) {
    const channels = transform(pinned.source.channels, pinned.changes);
    const answer = await predict([toInstance(channels)]).catch(() => null);
    pinned.prediction = answer?.predictions[0];
    this.#showComparison();
  }

  #showComparison() {
    byId("pin").textContent = this.#pinned ? "Stop comparing" : "Pin to compare";
    byId("pin").setAttribute("aria-pressed", String(Boolean(this.#pinned)));
    byId("comparison").hidden = !this.#pinned;
    if (!this.#pinned) return;
    [this.#pinned, this.#shown].forEach((shown, side) => {
      const channels = transform(shown.source.channels, shown.changes);
      this.#comparison.show(side, titleOf(shown), channels, shown.prediction);
    });
  }

  #updateLink() {
    clearTimeout(this.#linkTimer);
    this.#linkTimer = setTimeout(() => {
      history.replaceState(null, "", `#${encodeView(this.#shown, this.#pinned, this.#zoom, this.#explanation.explained)}`);
    }, LINK_DELAY);
  }
}

function titleOf({ source, changes }) {
  return `${source.name.charAt(0).toUpperCase()}${source.name.slice(1)}${isUnchanged(changes) ? "" : ", changed"}`;
}
