/** Where series come from, besides samples: pasted text, files, drawing. Errors appear at their input. */

import { byId } from "../../core/dom.js";
import { count } from "../../core/format.js";
import { toChannels } from "../../input/channels.js";
import { readFile } from "../../input/files.js";
import { readText } from "../../input/text.js";

/**
 * Make the inputs work.
 * @param {{length: number, channels: number}} spec of a series
 * @param {(source: import("../../core/fragment.js").Source) => void} onOne
 * @param {(name: string, rows: {label: string|null, values: number[]}[]) => void} onMany
 * @param {() => void} onDrop called when a file was dropped anywhere
 */
export function enableSources(spec, onOne, onMany, onDrop) {
  const take = (rows, name, input) => {
    if (rows.length > 1) onMany(name, rows);
    else onOne({ name, input, channels: toChannels(rows[0].values, spec.channels) });
  };
  enablePaste(spec, take);
  enableFiles(spec, take, onDrop);
}

/**
 * Show a sentence at an input, or take it away.
 * @param {"paste"|"file"|"draw"} id of the input
 * @param {string} sentence empty for none
 */
export function showInputError(id, sentence) {
  byId(`${id}-error`).textContent = sentence;
  const input = byId(`${id}-input`);
  if (input) input.setAttribute("aria-invalid", String(sentence !== ""));
}

function enablePaste(spec, take) {
  const input = byId("paste-input");
  const size = spec.length * spec.channels;
  byId("paste-hint").textContent =
    `${count(size, "number")}, separated by spaces, commas, tabs or lines; or JSON. ` +
    "Do not scale or shift them: the model does that. One series per line for many.";
  const read = () => {
    showInputError("paste", "");
    try {
      take(readText(input.value, size), "pasted series", "paste");
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      showInputError("paste", error.message);
    }
  };
  byId("paste-button").addEventListener("click", read);
  input.addEventListener("paste", () => setTimeout(read));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) read();
  });
}

function enableFiles(spec, take, onDrop) {
  const input = byId("file-input");
  const read = async (file) => {
    showInputError("file", "");
    byId("file-name").textContent = `Reading ${file.name} …`;
    try {
      const rows = await readFile(file, spec);
      byId("file-name").textContent = `${file.name}: ${count(rows.length, "series")}`;
      take(rows, file.name, "file");
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      byId("file-name").textContent = file.name;
      showInputError("file", error.message);
    }
    input.value = "";
  };
  input.addEventListener("change", () => input.files[0] && read(input.files[0]));
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    onDrop();
    read(file);
  });
}
