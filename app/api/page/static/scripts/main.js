/** Starts the page: fetches the model and its samples, and opens the first series. */

import { byId } from "./core/dom.js";
import { Explorer } from "./explorer.js";
import { getModel, getStart } from "./server/api.js";
import { copyText } from "./views/answers/codepanel.js";
import { labelsOf } from "./views/answers/result.js";
import { showModel } from "./views/page/about.js";
import { watchDrift } from "./views/page/drift.js";
import { enableKeyDialog } from "./views/page/key.js";
import { watchStatus } from "./views/page/status.js";

const askStatus = watchStatus(byId("health"));
let explorer = null;

const askForKey = enableKeyDialog(() => (explorer ? explorer.classify() : start()));

async function start() {
  byId("start-error").hidden = true;
  try {
    const [first, model] = await Promise.all([getStart(), getModel()]);
    showModel(byId("facts"), byId("card"), model);
    byId("engine").textContent = model.engine ?? "";
    byId("model-name").textContent = `${model.contract.name} ${model.contract.version}`;
    explorer = new Explorer(first, model, { askForKey, askStatus });
    explorer.open(location.hash);
    watchDrift(byId("drift"), model.contract, labelsOf(model.contract));
  } catch (failure) {
    if (!failure.kind) throw failure;
    byId("start-error").hidden = false;
    byId("start-error-text").textContent = failure.message;
    if (failure.kind === "key") askForKey();
    else if (failure.retry) setTimeout(start, failure.retry * 1000);
  }
}

byId("start-retry").addEventListener("click", start);
byId("copy-link").addEventListener("click", () => copyText(byId("copy-link"), location.href));
start();
