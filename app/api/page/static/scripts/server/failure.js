/** Failed requests, each with a sentence for the user. */

const SENTENCES = {
  401: "The server needs an API key, and this one is missing or unknown.",
  413: "The series are too large for one request.",
  429: "The server is busy.",
  502: "A replica stopped before it had answered.",
  503: "The server is not ready.",
  504: "The server did not answer in time.",
};
// A prediction changes nothing, so these are sent again.
const RETRIED = new Set([429, 502, 503, 504]);
const MAX_RETRY_SECONDS = 30;

/** A request that was not answered with a result. */
export class Failure extends Error {
  /**
   * @param {"offline"|"key"|"busy"|"unready"|"input"|"server"} kind
   * @param {string} sentence
   * @param {{retry?: number, violations?: {pointer: string, message: string}[], total?: number}} [more]
   *   `retry`: seconds after which to send the request again; 0 for never
   */
  constructor(kind, sentence, { retry = 0, violations = [], total = 0 } = {}) {
    super(sentence);
    this.kind = kind;
    this.retry = retry;
    this.violations = violations;
    this.total = total;
  }
}

/**
 * The failure of a response.
 * @param {Response} response
 * @returns {Promise<Failure>}
 */
export async function failureOf(response) {
  const status = response.status;
  const problem = await response.json().catch(() => ({}));
  const detail = typeof problem.detail === "string" ? problem.detail : "";
  const wait = Number(response.headers.get("Retry-After")) || 1;
  const retry = RETRIED.has(status) ? Math.min(wait, MAX_RETRY_SECONDS) : 0;
  if (status === 422 && problem.violations?.length) {
    const total = problem.total ?? problem.violations.length;
    return new Failure("input", sentenceOf(problem.violations, total), { violations: problem.violations, total });
  }
  const kind =
    status === 401 ? "key" : status === 429 ? "busy" : retry ? "unready" : status < 500 ? "input" : "server";
  const base = SENTENCES[status] ?? problem.title ?? `The server answered with status ${status}.`;
  const reference = status === 500 && problem.request_id ? ` Request id: ${problem.request_id}.` : "";
  return new Failure(kind, `${ended(base)}${detail && status !== 401 ? ` ${ended(capital(detail))}` : ""}${reference}`, {
    retry,
  });
}

/** The first violation, with positions that count from 1, and how many there are. */
function sentenceOf(violations, total) {
  const { pointer, message } = violations[0];
  const [, , time, channel] = pointer.split("/");
  let place = "";
  if (time !== undefined) place = `Value ${Number(time) + 1}`;
  if (channel !== undefined) place += `, channel ${Number(channel) + 1}`;
  const more = total > 1 ? ` ${total - 1} more like this.` : "";
  return `${place ? `${place}: ${message}` : capital(message)}${/[.!?]$/.test(message) ? "" : "."}${more}`;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const ended = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);
