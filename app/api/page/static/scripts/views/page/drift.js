/** Drift: whether the series that arrive are still like the training data. Fetched while its section is open. */

import { el, replace } from "../../core/dom.js";
import { count, share } from "../../core/format.js";
import { ROOT, getDrift, hasKey } from "../../server/api.js";
import { figuresTable } from "./driftfigures.js";

const SECONDS = 30;
const MOST_EVIDENCE = 1e6;

/**
 * Make the section work, where the model has what drift is measured against.
 * @param {HTMLDetailsElement} details
 * @param {Object} contract
 * @param {import("../answers/result.js").Labels} labels
 */
export function watchDrift(details, contract, labels) {
  details.hidden = !contract.drift_reference?.content?.reference;
  if (details.hidden) return;
  const body = details.querySelector(".drift-body");
  const update = async () => {
    if (!details.open || document.hidden) return;
    try {
      replace(body, ...described(await getDrift(), labels));
    } catch (failure) {
      if (!failure.kind) throw failure;
      replace(body, el("p", { class: "error", role: "alert", text: `No figures of drift. ${failure.message}` }));
    }
  };
  details.addEventListener("toggle", update);
  setInterval(update, SECONDS * 1000);
}

/** The elements of a report. */
function described(report, labels) {
  const { alarm, since_start: since, started } = report;
  return [
    verdict(alarm, since.series),
    el("p", { text: `Since ${moment(started)}: ${counted(since)}.` }),
    since.series ? figuresTable(report, labels) : null,
    el("p", { class: "hint", text: meaning(alarm) }),
    // A link cannot carry the key.
    hasKey() ? null : el("p", {}, el("a", { href: `${ROOT}/drift`, text: "All figures as JSON" })),
  ];
}

function verdict(alarm, series) {
  const evidence = Math.exp(alarm.log_evidence);
  const limit = Math.round(Math.exp(alarm.log_threshold)).toLocaleString("en");
  const shown = evidence > MOST_EVIDENCE ? "over a million" : evidence < 10 ? evidence.toFixed(2) : Math.round(evidence).toLocaleString("en");
  const [state, headline, sentence] = alarm.raised
    ? [
        "alarm",
        "Alarm: the series are not like the training data",
        `Raised on ${moment(alarm.raised_at)}, after ${count(alarm.raised_after_series, "series")}. The evidence (e-value) is ` +
          `${shown} now; the alarm is raised at ${limit}.`,
      ]
    : [
        series ? "quiet" : "empty",
        series ? "No evidence of drift" : "No series counted yet",
        `The evidence (e-value) is ${shown}; the alarm is raised at ${limit}.`,
      ];
  return el(
    "div",
    { class: `drift-verdict ${state}`, role: "status" },
    el("p", { class: "headline", text: headline }),
    el("p", { class: "sentence", text: sentence }),
  );
}

function counted({ series, left_out: leftOut }) {
  const words = { overlapping: "overlap with another one", repeated: "were seen before" };
  const left = Object.entries(leftOut)
    .filter(([, size]) => size)
    .map(([reason, size]) => `${size.toLocaleString("en")} that ${words[reason] ?? reason}`);
  return `${count(series, "series")} counted${left.length ? `; left out: ${left.join(", ")}` : ""}`;
}

function meaning({ raised, false_alarm_rate: rate }) {
  const honest = `While nothing changes, the alarm is raised with a probability of ${share(rate)} at most, however long the server runs.`;
  return raised
    ? "The labels, confidences or out-of-distribution scores are others than those of training. That does not say that " +
        `predictions are wrong: check some against labels that people give, and the sensors. ${honest}`
    : "No alarm does not mean that predictions are right: a change that labels, confidences and out-of-distribution scores " +
        `do not show is not found. ${honest}`;
}

const moment = (time) => new Date(time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
