/** Reads numbers from text: pasted, or of a .csv, .tsv, .txt or .json file. */

/**
 * @typedef {{label: string|null, values: number[]}} Row
 * @typedef {{rows: Row[]}} Table
 */

const SEPARATOR = /[\s,;]+/;

/**
 * The rows of a text. A single column is one series. A row that is one longer than a series begins with its label.
 * @param {string} text
 * @param {number} size numbers of one series: length times channels
 * @returns {Row[]}
 * @throws {RangeError} with a sentence for the user
 */
export function readText(text, size) {
  const trimmed = text.trim();
  if (!trimmed) throw new RangeError("There are no numbers. Paste the values of one series.");
  if (/^[[{]/.test(trimmed)) return readJson(trimmed);
  const lines = trimmed.split(/\r?\n/).map((line) => line.trim()).filter((line) => line && !/^[#@%]/.test(line));
  const cells = lines.map((line) => split(line));
  if (cells.length > 1 && cells[0].some((cell) => Number.isNaN(Number(cell))) && isHeader(cells[0], cells[1])) {
    cells.shift();
  }
  if (cells.length > 1 && cells.every((row) => row.length < 3) && size > 2) {
    return [{ label: null, values: cells.flat().map((cell, index) => toNumber(cell, index)) }];
  }
  // Pasted from a printed array: one series over several lines of any width.
  if (cells.length > 1 && cells.every((row) => row.length < size) && cells.flat().length === size) {
    return [{ label: null, values: cells.flat().map((cell, index) => toNumber(cell, index)) }];
  }
  return cells.map((row, line) => toRow(row, cells.length > 1 ? line : null, size));
}

function readJson(text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new RangeError(`This is not valid JSON: ${error.message}.`);
  }
  const found = Array.isArray(document) ? document : (document?.instances ?? null);
  if (!Array.isArray(found) || !found.length) {
    throw new RangeError("Expected a list of numbers, a list of series, or an object with “instances”.");
  }
  const series = Array.isArray(found[0]) ? found : [found];
  return series.map((values, row) => ({
    label: null,
    values: values.flat().map((value, index) => {
      if (typeof value === "number") return value;
      throw new RangeError(`${at(index, series.length > 1 ? row : null)} is not a number.`);
    }),
  }));
}

/** Tabs and semicolons separate before commas do, so that a decimal comma stays in its number. */
function split(line) {
  const separator = line.includes("\t") ? /\t/ : line.includes(";") ? /;/ : SEPARATOR;
  const cells = line.split(separator).map((cell) => cell.trim()).filter((cell) => cell !== "");
  return separator === SEPARATOR ? cells : cells.map((cell) => cell.replace(/^([+-]?\d+),(\d+)$/, "$1.$2"));
}

/** Whether the first line names columns: most of its cells are no numbers where those below are. */
function isHeader(first, second) {
  const words = first.filter((cell) => Number.isNaN(Number(cell))).length;
  return words > first.length / 2 && second.some((cell) => !Number.isNaN(Number(cell)));
}

function toRow(cells, line, size) {
  const labelled = cells.length === size + 1;
  const values = labelled ? cells.slice(1) : cells;
  return {
    label: labelled ? plainLabel(cells[0]) : null,
    values: values.map((cell, index) => toNumber(cell, index, line)),
  };
}

/** Labels of the UCR archive are sometimes written as 1.0000000e+00. */
function plainLabel(cell) {
  const value = Number(cell);
  return Number.isInteger(value) ? String(value) : cell;
}

function toNumber(cell, index, line = null) {
  const value = Number(cell);
  if (cell !== "" && Number.isFinite(value)) return value;
  const shown = cell.length > 20 ? `${cell.slice(0, 20)}…` : cell;
  throw new RangeError(`${at(index, line)} is “${shown}”, which is not a finite number.`);
}

function at(index, line) {
  return `Value ${index + 1}${line === null ? "" : ` of series ${line + 1}`}`;
}
