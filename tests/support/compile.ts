/** Before all tests: the JavaScript that their processes run is that of the sources. */
import { areScriptsFresh, writeScripts } from "../../.ci/scripts.mjs";

export async function setup(): Promise<void> {
  if (!areScriptsFresh()) await writeScripts();
}
