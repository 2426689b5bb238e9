/** State of the server, fetched every 10 s while the page is visible. */

import { getHealth } from "../../server/api.js";

const SECONDS = 10;
const STATES = {
  ready: "ready",
  starting: "starting",
  draining: "shutting down",
  closed: "shut down",
  failed: "failed",
  unavailable: "not available",
};

/**
 * Keep a chip up to date.
 * @param {HTMLElement} chip
 * @returns {() => Promise<void>} fetches it at once: after a request has failed
 */
export function watchStatus(chip) {
  const text = chip.querySelector("span");
  const show = (name, words, reasons = []) => {
    chip.dataset.state = name;
    text.textContent = words;
    chip.title = reasons.join("; ");
  };
  const ask = async () => {
    try {
      const health = await getHealth();
      show(health.ok ? "ready" : "waiting", STATES[health.state] ?? health.state, health.reasons);
    } catch {
      show("offline", "offline");
    }
  };
  setInterval(() => {
    if (!document.hidden) ask();
  }, SECONDS * 1000);
  addEventListener("offline", () => show("offline", "offline"));
  addEventListener("online", ask);
  ask();
  return ask;
}
