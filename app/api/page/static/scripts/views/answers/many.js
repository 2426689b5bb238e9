/** Many series: progress, a histogram, a table, and a CSV file. */

import { histogram } from "../../charts/histogram.js";
import { byId, el, replace } from "../../core/dom.js";
import { count } from "../../core/format.js";
import { classifyAll } from "./bulk.js";
import { ResultTable, toCsv } from "./table.js";

export class ManySeries {
  #context;
  #rows = [];
  #results = [];
  #name = "";
  #controller = null;
  #table;

  /**
   * @param {{spec: Object, limits: Object, labels: import("./result.js").Labels, onOpen: (row: any, name: string) =>
   *   void, onFailure: (failure: Error) => void}} context
   */
  constructor(context) {
    this.#context = context;
    this.#table = new ResultTable(byId("many-table"), byId("many-pages"), context.labels, (index) =>
      context.onOpen(this.#rows[index], `series ${index + 1} of ${this.#name}`),
    );
    const select = byId("many-class");
    replace(select, ...context.labels.names.map((label) => el("option", { value: label, text: context.labels.meaningOf(label) })));
    select.value = context.labels.names.at(-1);
    select.addEventListener("change", () => this.#showHistogram());
    byId("many-cancel").addEventListener("click", () => this.#controller?.abort());
    byId("many-csv").addEventListener("click", () => this.#download());
  }

  /** Classify the series of a file. */
  async run(name, rows) {
    this.#controller?.abort();
    const controller = (this.#controller = new AbortController());
    this.#name = name;
    this.#rows = rows;
    this.#results = new Array(rows.length).fill(null);
    byId("many").hidden = false;
    byId("many").scrollIntoView({ block: "start" });
    byId("many-title").textContent = name;
    byId("many-error").textContent = "";
    byId("many-cancel").hidden = false;
    byId("many-csv").hidden = true;
    this.#show();
    const { spec, limits } = this.#context;
    let ending = "";
    try {
      await classifyAll(rows, spec, limits, controller.signal, (start, predictions) => {
        if (controller !== this.#controller) return;
        predictions.forEach((prediction, index) => (this.#results[start + index] = prediction));
        this.#show();
      });
    } catch (error) {
      ending = this.#endingOf(error);
      controller.abort();
    }
    if (controller !== this.#controller) return;
    byId("many-cancel").hidden = true;
    byId("many-csv").hidden = this.#done.length === 0;
    this.#show(ending);
  }

  get #done() {
    return this.#results.filter(Boolean);
  }

  #endingOf(error) {
    if (error.name === "AbortError") return "Cancelled.";
    this.#context.onFailure(error);
    const [, row] = /^instances\/(\d+)/.exec(error.violations?.[0]?.pointer ?? "") ?? [];
    const place = row === undefined ? "" : `Series ${error.row + Number(row) + 1}: `;
    byId("many-error").textContent = `${place}${error.message}`;
    return "Stopped.";
  }

  #show(ending = "") {
    const done = this.#done.length;
    const progress = byId("many-progress");
    progress.max = this.#rows.length;
    progress.value = done;
    byId("many-status").textContent =
      `${ending ? `${ending} ` : ""}${done.toLocaleString("en")} of ${count(this.#rows.length, "series")} classified.` +
      (ending || done < this.#rows.length ? "" : ` ${this.#agreement()}`);
    this.#showHistogram();
    this.#table.show(this.#rows, this.#results);
  }

  /** How many predictions equal the labels of the file, if it has any. */
  #agreement() {
    const labelled = this.#rows.map((row, index) => [row.label, this.#results[index]]).filter(([label, result]) => label !== null && result);
    if (!labelled.length) return "";
    const equal = labelled.filter(([label, result]) => label === result.label).length;
    return `${equal.toLocaleString("en")} of ${labelled.length.toLocaleString("en")} predictions equal the file's labels (${((equal / labelled.length) * 100).toFixed(2)} %).`;
  }

  #showHistogram() {
    const { labels } = this.#context;
    const label = byId("many-class").value;
    const values = this.#done.map((prediction) => prediction.probabilities[label]);
    replace(byId("many-histogram"), histogram(values, labels.meaningOf(label), labels.classOf(label)));
  }

  #download() {
    const text = toCsv(this.#rows, this.#results, this.#context.labels);
    const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    el("a", { href: url, download: `${this.#name.replace(/\.[^.]*$/, "")}-predictions.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url));
  }
}
