/** Requests to the server that sent this page. The API key is kept in memory only. */

import { Failure, failureOf } from "./failure.js";

// This file is <root>/page/<digest>/scripts/server/api.js.
export const ROOT = new URL("../../../../", import.meta.url).href.replace(/\/$/, "");

let key = "";

/** Use this key from now on; empty for none. */
export function useKey(text) {
  key = text.trim();
}

/** Whether requests have a key. */
export function hasKey() {
  return key !== "";
}

/** What the page starts from: samples, spectra, limits. */
export const getStart = () => getJson("/page/start.json");

/** The served version. */
export const getModel = () => getJson("/model");

/** How the series that were served compare with the training data. */
export const getDrift = () => getJson("/drift");

/**
 * State of the server that answers: ready, draining, …
 * @returns {Promise<{ok: boolean, state: string, reasons: string[]}>}
 */
export async function getHealth() {
  const response = await send("/readyz", {});
  try {
    const health = await response.json();
    return { ok: health.ok === true, state: health.state ?? "unavailable", reasons: health.reasons ?? [] };
  } catch {
    return { ok: false, state: "unavailable", reasons: [] };
  }
}

/**
 * @typedef {Object} Answer
 * @property {string} model
 * @property {number} version
 * @property {Object[]} predictions
 * @property {string} serverTiming
 * @property {number} elapsed milliseconds from the request to the response
 */

/**
 * Predictions of series in JSON, which keeps every digit.
 * @param {any[]} instances
 * @param {AbortSignal} [signal]
 * @param {number} [neighbours] training series to return with each prediction
 * @returns {Promise<Answer>}
 * @throws {Failure}
 */
export const predict = (instances, signal, neighbours = 0) =>
  post("/predict", neighbours ? { neighbours } : {}, instances, signal);

/**
 * The explanation of the prediction of a series.
 * @param {any} instance
 * @param {string} label that is explained; empty for the most probable one
 * @param {AbortSignal} signal
 * @returns {Promise<{version: number, variants: number, explanations: Object[], serverTiming: string, elapsed: number}>}
 * @throws {Failure}
 */
export const explain = (instance, label, signal) => post("/explain", label ? { label } : {}, [instance], signal);

async function post(path, query, instances, signal) {
  const started = performance.now();
  const parameters = new URLSearchParams(query).toString();
  const response = await send(path + (parameters ? `?${parameters}` : ""), {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ instances }),
    signal,
  });
  if (!response.ok) throw await failureOf(response);
  const answer = await response.json();
  const serverTiming = response.headers.get("Server-Timing") ?? "";
  return { ...answer, serverTiming, elapsed: performance.now() - started };
}

async function getJson(path) {
  const response = await send(path, { headers: { Accept: "application/json" } });
  if (!response.ok) throw await failureOf(response);
  return response.json();
}

async function send(path, options) {
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  try {
    return await fetch(ROOT + path, { ...options, headers, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("offline", "The server cannot be reached. Check the network connection.", { retry: 3 });
  }
}
