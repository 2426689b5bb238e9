/** On narrow screens the prediction in one line, while a slider is in sight and the prediction is not. */

import { byId } from "../../core/dom.js";

/** Show the line whenever it is needed. */
export function enablePeek() {
  const inSight = new Map();
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) inSight.set(entry.target.id, entry.isIntersecting);
    byId("peek").hidden = inSight.get("prediction") || !inSight.get("sliders");
  });
  for (const id of ["prediction", "sliders"]) observer.observe(byId(id));
}

/** Say what the prediction is; empty for none. */
export function showPeek(state, text) {
  byId("peek").textContent = text;
  byId("peek").className = `peek ${state}`;
}
