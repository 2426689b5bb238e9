/** Classifies many series in requests of some, a few at a time, and can be cancelled. */

import { toChannels, toInstance } from "../../input/channels.js";
import { predict } from "../../server/api.js";

const IN_FLIGHT = 2;
const MOST_PER_REQUEST = 64;
// JSON of a number with all its digits, with its comma.
const BYTES_PER_VALUE = 24;
const ATTEMPTS = 20;

/**
 * @param {{values: number[]}[]} rows
 * @param {{length: number, channels: number}} spec
 * @param {{max_instances: number, max_body_bytes: number}} limits
 * @param {AbortSignal} signal
 * @param {(start: number, predictions: Object[]) => void} onPart
 * @returns {Promise<void>}
 * @throws {import("../../server/failure.js").Failure} of the first request that cannot be answered; with `row`, the
 *   position of its first series
 */
export async function classifyAll(rows, spec, limits, signal, onPart) {
  const bytes = Math.max(1, rows[0].values.length) * BYTES_PER_VALUE;
  const fitting = Math.floor((limits.max_body_bytes - 100) / bytes);
  const size = Math.max(1, Math.min(MOST_PER_REQUEST, limits.max_instances, fitting));
  let next = 0;
  const work = async () => {
    while (next < rows.length) {
      const start = next;
      next += size;
      const part = rows.slice(start, start + size);
      const instances = part.map((row) => toInstance(toChannels(row.values, spec.channels)));
      const answer = await withRetries(instances, signal).catch((error) => {
        error.row = start;
        next = rows.length;
        throw error;
      });
      onPart(start, answer.predictions);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
}

async function withRetries(instances, signal) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await predict(instances, signal);
    } catch (error) {
      if (!error.retry || attempt === ATTEMPTS) throw error;
      await pause(error.retry * 1000 * (1 + Math.random() / 2), signal);
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("cancelled", "AbortError"));
    });
  });
}
