/** The panel with calls for engineers. */

import { byId, el, replace } from "../../core/dom.js";
import { callsOf, shortened, whole } from "./code.js";
import { enableTabs } from "../page/tabs.js";

/**
 * @param {Object} model of `GET /model`
 * @param {string[]} protocols
 * @returns {(instance: any, label: string) => void} shows the calls for a series, and for a label to explain
 */
export function showCalls(model, protocols) {
  const calls = callsOf(model, protocols);
  let [instance, explained] = [[], ""];
  const tabs = calls.map((call, index) =>
    el("button", {
      type: "button",
      role: "tab",
      id: `code-tab-${call.id}`,
      "aria-controls": `code-${call.id}`,
      "aria-selected": String(index === 0),
      tabindex: index ? -1 : 0,
      text: call.name,
    }),
  );
  const panels = calls.map((call, index) => {
    const copy = el("button", { type: "button", class: "quiet copy", text: "Copy", on: { click: () => copyText(copy, whole(call, instance, explained)) } });
    return el(
      "div",
      { role: "tabpanel", id: `code-${call.id}`, "aria-labelledby": `code-tab-${call.id}`, class: "code", hidden: index > 0 },
      copy,
      el("pre", { tabindex: 0, "aria-label": `Call with ${call.name}` }, el("code")),
    );
  });
  replace(byId("code-tabs"), ...tabs);
  replace(byId("code-panels"), ...panels);
  enableTabs(byId("code-tabs"));
  return (shown, label) => {
    [instance, explained] = [shown, label];
    calls.forEach((call, index) => {
      panels[index].querySelector("code").textContent = shortened(call, shown, label);
    });
  };
}

/** Copy a text, and say so on the button. */
export async function copyText(button, text) {
  const before = button.dataset.text ?? button.textContent;
  button.dataset.text = before;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without TLS a browser has no clipboard for pages, except from this machine.
    button.textContent = copyBySelection(text) ? "Copied" : "Copying is not allowed here";
  }
  setTimeout(() => (button.textContent = before), 1500);
}

function copyBySelection(text) {
  const area = el("textarea", { class: "visually-hidden", readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}
