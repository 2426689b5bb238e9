/** Calls for engineers: what is on screen as curl, with the Python client, and with tritonclient. */

import { ROOT, hasKey } from "../../server/api.js";

const SHOWN_VALUES = 6;

/**
 * @typedef {{id: string, name: string, text: (instance: any, label: string) => string}} Call
 *   `label` is that of an explanation; empty for the predicted one
 */

/**
 * The calls that this server takes.
 * @param {Object} model of `GET /model`
 * @param {string[]} protocols names of the wire protocols
 * @returns {Call[]}
 */
export function callsOf({ contract, explanations }, protocols) {
  const found = [
    { id: "curl", name: "curl", text: curl },
    { id: "python", name: "Python client", text: python },
  ];
  if (protocols.includes("v2")) {
    found.push({ id: "triton", name: "tritonclient (V2)", text: (instance) => triton(instance, contract) });
  }
  if (explanations) {
    found.push({ id: "explain-curl", name: "Explain: curl", text: explainCurl });
    found.push({ id: "explain-python", name: "Explain: Python", text: explainPython });
  }
  return found;
}

/** The text of a call as it is shown: with the first and the last values of the series. */
export function shortened(call, instance, label) {
  if (instance.length <= 2 * SHOWN_VALUES) return call.text(JSON.stringify(instance), label);
  const first = JSON.stringify(instance.slice(0, SHOWN_VALUES)).slice(0, -1);
  const last = JSON.stringify(instance.slice(-2)).slice(1);
  return call.text(`${first}, … ${instance.length - SHOWN_VALUES - 2} more …, ${last}`, label);
}

/** The whole text of a call. */
export const whole = (call, instance, label = "") => call.text(JSON.stringify(instance), label);

const curl = (series) => curlOf("/predict", series);

const explainCurl = (series, label) => curlOf(label ? `/explain?${new URLSearchParams({ label })}` : "/explain", series);

function curlOf(path, series) {
  const lines = [`curl -s '${ROOT}${path}'`, "-H 'Content-Type: application/json'"];
  if (hasKey()) lines.push('-H "Authorization: Bearer $API_KEY"');
  lines.push(`-d '{"instances": [${series}]}'`);
  return lines.join(" \\\n  ");
}

const python = (series) =>
  pythonOf(
    series,
    "[prediction] = client.predict([series])",
    "print(prediction.label, prediction.probabilities, prediction.label_set, prediction.ood_score)",
  );

function explainPython(series, label) {
  const named = label ? `, label=${JSON.stringify(label)}` : "";
  return pythonOf(
    series,
    `[explanation] = client.explain([series]${named})`,
    `print(explanation.label, explanation.probability)
for (start, end, importance) in zip(
    explanation.frequency.bands.starts, explanation.frequency.bands.ends, explanation.frequency.importances
):
    print(f"{start:.3f} to {end:.3f} cycles per time step: {importance:+.2f}")`,
  );
}

function pythonOf(series, call, print) {
  const key = hasKey() ? ', api_key=os.environ["API_KEY"]' : "";
  return `${hasKey() ? "import os\n\n" : ""}from app.client import Client

series = ${series}
with Client("${ROOT}"${key}) as client:
    ${call}
${print}`;
}

function triton(series, { name, input }) {
  const { host, pathname, protocol } = new URL(ROOT);
  const shape = input.channels > 1 ? `1, ${input.length}, ${input.channels}` : `1, ${input.length}`;
  const headers = hasKey() ? ', headers={"Authorization": f"Bearer {os.environ[\'API_KEY\']}"}' : "";
  return `${hasKey() ? "import os\n\n" : ""}import numpy as np
import tritonclient.http as triton

series = np.array([${series}], np.float32)
client = triton.InferenceServerClient("${host}${pathname.replace(/\/$/, "")}"${protocol === "https:" ? ", ssl=True" : ""})
request = triton.InferInput("${input.name}", [${shape}], "FP32")
request.set_data_from_numpy(series)
result = client.infer("${name}", [request]${headers})
print(result.as_numpy("probabilities"))`;
}
