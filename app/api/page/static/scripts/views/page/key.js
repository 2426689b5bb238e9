/** Asks for an API key, which is kept in memory only: a reload forgets it. */

import { byId } from "../../core/dom.js";
import { hasKey, useKey } from "../../server/api.js";

/**
 * Make the dialog work.
 * @param {() => void} onKey called when a key was entered
 * @returns {() => void} asks for a key
 */
export function enableKeyDialog(onKey) {
  const dialog = byId("key-dialog");
  const input = byId("key");
  const error = byId("key-error");
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!input.value.trim()) {
      error.textContent = "Enter a key.";
      return;
    }
    useKey(input.value);
    input.value = "";
    dialog.close();
    onKey();
  });
  return () => {
    error.textContent = hasKey() ? "The server does not know this key. Ask its operator for a valid one." : "";
    input.setAttribute("aria-invalid", String(hasKey()));
    if (!dialog.open) dialog.showModal();
    input.focus();
  };
}
