/** The strip of samples: a picture for each, in groups by class. */

import { sparkline } from "../../charts/sparkline.js";
import { el, replace } from "../../core/dom.js";

const KINDS = { easy: "easy", border: "on the border" };

/** The name of a sample where it stands alone: "Symptom absent, easy". */
export function sampleName({ kind, name }) {
  return KINDS[kind] ? `${name}, ${KINDS[kind]}` : `${name}, unlike training`;
}

/**
 * Fill the strip.
 * @param {HTMLElement} host
 * @param {{id: string, kind: string, name: string, label: string|null, channels: number[][]}[]} samples
 * @param {(id: string) => number} classOf position of a label
 * @param {(index: number) => void} onPick called with the position of a sample
 * @returns {(id: string|undefined) => void} marks the sample that is shown
 */
export function showSamples(host, samples, classOf, onPick) {
  const buttons = new Map();
  const groups = new Map();
  for (const [index, sample] of samples.entries()) {
    const unlike = sample.kind === "unlike";
    const title = unlike ? "unlike training" : sample.name;
    const name = KINDS[sample.kind] ?? sample.name;
    const button = el(
      "button",
      {
        type: "button",
        class: `sample ${unlike ? "" : `class-${classOf(sample.label) % 8}`}`,
        "aria-pressed": "false",
        "aria-label": `${title}: ${name}`,
        on: { click: () => onPick(index) },
      },
      sparkline(sample.channels[0]),
      el("span", { class: "sample-name", text: name }),
    );
    buttons.set(sample.id, button);
    if (!groups.has(title)) groups.set(title, []);
    groups.get(title).push(button);
  }
  const shown = [...groups].map(([title, members]) => {
    const group = el("div", { class: "sample-group", role: "group", "aria-label": title }, el("p", { class: "sample-title", text: title }), ...members);
    group.style.setProperty("--members", String(members.length));
    return group;
  });
  replace(host, ...shown);
  return (id) => buttons.forEach((button, each) => button.setAttribute("aria-pressed", String(each === id)));
}
