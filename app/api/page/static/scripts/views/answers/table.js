/** A sortable table of predictions, in pages of a hundred rows. */

import { el, replace } from "../../core/dom.js";
import { percent } from "../../core/format.js";
import { verdict } from "./result.js";

const PAGE = 100;

/** @typedef {{title: string, value: (item: any) => any, cell: (item: any) => string, numeric?: boolean}} Column */

export class ResultTable {
  #host;
  #pages;
  #columns;
  #onOpen;
  #items = [];
  #sort = { column: 0, down: false };
  #page = 0;

  /**
   * @param {HTMLElement} host
   * @param {HTMLElement} pages gets the buttons that turn pages
   * @param {import("./result.js").Labels} labels
   * @param {(index: number) => void} onOpen called with the position of a series
   */
  constructor(host, pages, labels, onOpen) {
    this.#host = host;
    this.#pages = pages;
    this.#onOpen = onOpen;
    this.#columns = columnsOf(labels);
  }

  /** Show the results so far; those that are missing have no row. */
  show(rows, results) {
    this.#items = results
      .map((prediction, index) => ({ index, prediction, given: rows[index].label }))
      .filter(({ prediction }) => prediction);
    this.#draw();
  }

  #draw() {
    const { column, down } = this.#sort;
    const { value } = this.#columns[column];
    const sorted = [...this.#items].sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      return (a < b ? -1 : a > b ? 1 : one.index - other.index) * (down ? -1 : 1);
    });
    const last = Math.max(0, Math.ceil(sorted.length / PAGE) - 1);
    this.#page = Math.min(this.#page, last);
    const focused = document.activeElement?.dataset?.column;
    const head = el("tr", {}, ...this.#columns.map((each, index) => this.#header(each, index)));
    const body = sorted.slice(this.#page * PAGE, (this.#page + 1) * PAGE).map((item) => this.#row(item));
    replace(this.#host, el("thead", {}, head), el("tbody", {}, ...body));
    if (focused !== undefined) this.#host.querySelector(`[data-column="${focused}"]`)?.focus();
    this.#drawPages(last, sorted.length);
  }

  #header(column, index) {
    const { column: sorted, down } = this.#sort;
    const order = index === sorted ? (down ? "descending" : "ascending") : "none";
    const click = () => {
      this.#sort = { column: index, down: index === sorted ? !down : Boolean(column.numeric && index) };
      this.#page = 0;
      this.#draw();
    };
    return el(
      "th",
      { scope: "col", "aria-sort": order, class: column.numeric ? "numeric" : "" },
      el("button", { type: "button", class: "sort", "data-column": index, text: column.title, on: { click } }),
    );
  }

  #row(item) {
    const open = el("button", {
      type: "button",
      class: "link",
      text: String(item.index + 1),
      "aria-label": `Open series ${item.index + 1}`,
      on: { click: () => this.#onOpen(item.index) },
    });
    return el(
      "tr",
      {},
      ...this.#columns.map((column, index) =>
        el("td", { class: column.numeric ? "numeric" : "" }, index ? document.createTextNode(column.cell(item)) : open),
      ),
    );
  }

  #drawPages(last, total) {
    const turn = (by) => () => {
      this.#page += by;
      this.#draw();
    };
    const button = (text, by, disabled) =>
      el("button", { type: "button", class: "quiet", text, disabled, on: { click: turn(by) } });
    const first = this.#page * PAGE;
    replace(
      this.#pages,
      last ? button("Previous", -1, this.#page === 0) : null,
      last ? el("span", { class: "hint", text: `${first + 1} to ${Math.min(first + PAGE, total)} of ${total.toLocaleString("en")}` }) : null,
      last ? button("Next", 1, this.#page === last) : null,
    );
  }
}

/** The results as CSV (RFC 4180). */
export function toCsv(rows, results, labels) {
  const names = labels.names.map((label) => `p(${label})`);
  const lines = [["series", "label_in_file", "label", ...names, "label_set", "ood_score", "warnings"]];
  results.forEach((prediction, index) => {
    if (!prediction) return;
    lines.push([
      index + 1,
      rows[index].label ?? "",
      prediction.label,
      ...labels.names.map((label) => prediction.probabilities[label]),
      (prediction.label_set ?? []).join(" "),
      prediction.ood_score ?? "",
      (prediction.warnings ?? []).map((warning) => warning.code).join(" "),
    ]);
  });
  return lines.map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
}

const quoted = (cell) => (/[",\r\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell));

/** @returns {Column[]} */
function columnsOf(labels) {
  const likely = ({ prediction }) => Math.max(...Object.values(prediction.probabilities));
  const set = ({ prediction }) => prediction.label_set;
  const words = { sure: "sure", unsure: "unsure", unlike: "unlike training" };
  const trust = (item) => (set(item) ? words[verdict(item.prediction, labels).state] : "–");
  const warned = ({ prediction }) => (prediction.warnings ?? []).map((warning) => warning.code.replaceAll("_", " ")).join(", ");
  return [
    { title: "Series", value: ({ index }) => index, cell: () => "", numeric: true },
    { title: "In the file", value: ({ given }) => given ?? "", cell: ({ given }) => (given === null ? "–" : labels.meaningOf(given)) },
    { title: "Label", value: ({ prediction }) => prediction.label, cell: ({ prediction }) => labels.meaningOf(prediction.label) },
    { title: "Probability", value: likely, cell: (item) => percent(likely(item)), numeric: true },
    { title: "Label set", value: trust, cell: trust },
    {
      title: "OOD score",
      value: ({ prediction }) => prediction.ood_score ?? -1,
      cell: ({ prediction }) => prediction.ood_score?.toFixed(3) ?? "–",
      numeric: true,
    },
    { title: "Warnings", value: warned, cell: (item) => warned(item) || "–" },
  ];
}
