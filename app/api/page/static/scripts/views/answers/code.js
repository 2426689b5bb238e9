/** Calls for engineers: what is on screen as curl, with the Python client, and with tritonclient. */

import { ROOT, hasKey } from "../../server/api.js";

const SHOWN_VALUES = 6;

/**
 * @typedef {{id: string, name: string, text: (instance: any) => string}} Call
 */

/**
 * The calls that this server takes.
 * @param {Object} contract
 * @param {string[]} protocols names of the wire protocols
 * @returns {Call[]}
 */
export function callsOf(contract, protocols) {
  const found = [
    { id: "curl", name: "curl", text: curl },
    { id: "python", name: "Python client", text: python },
  ];
  if (protocols.includes("v2")) {
    found.push({ id: "triton", name: "tritonclient (V2)", text: (instance) => triton(instance, contract) });
  }
  return found;
}

/** The text of a call as it is shown: with the first and the last values of the series. */
export function shortened(call, instance) {
  if (instance.length <= 2 * SHOWN_VALUES) return call.text(JSON.stringify(instance));
  const first = JSON.stringify(instance.slice(0, SHOWN_VALUES)).slice(0, -1);
  const last = JSON.stringify(instance.slice(-2)).slice(1);
  return call.text(`${first}, … ${instance.length - SHOWN_VALUES - 2} more …, ${last}`);
}

/** The whole text of a call. */
export const whole = (call, instance) => call.text(JSON.stringify(instance));

function curl(series) {
  const lines = [`curl -s ${ROOT}/predict`, "-H 'Content-Type: application/json'"];
  if (hasKey()) lines.push('-H "Authorization: Bearer $API_KEY"');
  lines.push(`-d '{"instances": [${series}]}'`);
  return lines.join(" \\\n  ");
}

function python(series) {
  const key = hasKey() ? ', api_key=os.environ["API_KEY"]' : "";
  return `${hasKey() ? "import os\n\n" : ""}from app.client import Client

series = ${series}
with Client("${ROOT}"${key}) as client:
    [prediction] = client.predict([series])
print(prediction.label, prediction.probabilities, prediction.label_set, prediction.ood_score)`;
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
