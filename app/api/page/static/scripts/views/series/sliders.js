/** Sliders that change the series. */

import { el, replace } from "../../core/dom.js";
import { DEFAULTS, isUnchanged } from "../../input/transform.js";

const signed = (value, text) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${text}`;

/** Name, range and words of each slider. σ is the standard deviation of the series. */
const SLIDERS = [
  { id: "noise", name: "Noise", min: 0, max: 2, step: 0.05, words: (v) => (v ? `${v.toFixed(2)} σ` : "none") },
  { id: "decimals", name: "Rounding", min: 0, max: 6, step: 1, words: (v) => (v < 6 ? `${v} decimals` : "none"), flip: true },
  { id: "shift", name: "Shift", min: -50, max: 50, step: 1, words: (v) => signed(v, `${Math.abs(v)} σ`) },
  { id: "scale", name: "Scale", min: -3, max: 3, step: 0.1, words: (v) => `× ${Number((10 ** v).toPrecision(3))}` },
  { id: "gap", name: "Cut-out", min: 0, max: 0.6, step: 0.01, words: (v) => `${Math.round(v * 100)} %` },
  { id: "stretch", name: "Stretch", min: 0.5, max: 2, step: 0.01, words: (v) => `× ${v.toFixed(2)}` },
];

/**
 * Fill a group with sliders.
 * @param {HTMLElement} host
 * @param {HTMLButtonElement} reset
 * @param {(changes: import("../../input/transform.js").Changes) => void} onChange
 * @returns {(changes: import("../../input/transform.js").Changes) => void} sets all sliders
 */
export function showSliders(host, reset, onChange) {
  let changes = { ...DEFAULTS };
  const rows = SLIDERS.map((slider) => {
    const mirrored = (value) => (slider.flip ? slider.max - value : value);
    const input = el("input", { type: "range", id: `slider-${slider.id}`, min: slider.min, max: slider.max, step: slider.step });
    const output = el("output", { for: input.id });
    const show = () => {
      const words = slider.words(changes[slider.id]);
      input.value = String(mirrored(changes[slider.id]));
      input.setAttribute("aria-valuetext", words);
      output.textContent = words;
      output.classList.toggle("changed", changes[slider.id] !== DEFAULTS[slider.id]);
    };
    input.addEventListener("input", () => {
      changes = { ...changes, [slider.id]: Number(mirrored(Number(input.value)).toPrecision(6)) };
      show();
      update();
      onChange(changes);
    });
    return { show, row: el("div", { class: "slider" }, el("label", { for: input.id, text: slider.name }), input, output) };
  });
  const update = () => {
    reset.disabled = isUnchanged(changes);
  };
  const set = (given) => {
    changes = { ...given };
    rows.forEach(({ show }) => show());
    update();
  };
  reset.addEventListener("click", () => {
    set(DEFAULTS);
    onChange(changes);
    host.querySelector("input").focus();
  });
  replace(host, ...rows.map(({ row }) => row));
  set(DEFAULTS);
  return set;
}
