// Validates custom resources of the Prometheus Operator and of KEDA.
//
//   node custom_resources.mjs FOLDER < resources.json
//
// FOLDER has the node_modules of package.json. The input is an array of resources; the output is an array of lists of
// errors. The models ignore fields that they do not know. So each resource is read through proxies: a field that its
// validator never reads is unknown.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const MODELS = {
  "keda.sh/v1alpha1": "keda/keda.sh/v1alpha1",
  "monitoring.coreos.com/v1": "prometheus-operator/monitoring.coreos.com/v1",
};
const packages = resolve(process.argv[2], "node_modules", "@kubernetes-models");

function watched(value, path, unread) {
  if (value === null || typeof value !== "object") return value;
  const copy = Array.isArray(value) ? [] : {};
  for (const [key, child] of Object.entries(value)) {
    if (!Array.isArray(value)) unread.add(`${path}/${key}`);
    copy[key] = watched(child, `${path}/${key}`, unread);
  }
  return new Proxy(copy, {
    get(target, key) {
      unread.delete(`${path}/${String(key)}`);
      return target[key];
    },
  });
}

async function errorsOf(resource) {
  const folder = MODELS[resource.apiVersion];
  if (folder === undefined) return [`no model of ${resource.apiVersion}`];
  const models = await import(pathToFileURL(`${packages}/${folder}/${resource.kind}.js`));
  const unread = new Set();
  try {
    models[resource.kind].prototype.validate.call(watched(resource, "", unread));
  } catch (error) {
    return [error.message];
  }
  return [...unread].map((path) => `unknown field ${path}`);
}

const resources = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(await Promise.all(resources.map(errorsOf))));
