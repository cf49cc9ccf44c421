/** Finding scenarios: `scenarios/<group>/<file>.mjs` exports `scenarios`, by name; `<group>/<name>` is its full name. */
import { readdirSync } from "node:fs";

/** @import { Scenario } from "./scenario.mjs" */

/**
 * @typedef {object} Found
 * @property {string} name - `<group>/<name>`
 * @property {string} file - `<group>/<file>`, for `loadFile`
 * @property {string} id - its name in that file
 * @property {Scenario} scenario
 */

const folder = new URL("./scenarios/", import.meta.url);

/**
 * @param {string} file - `<group>/<file>`, without `.mjs`
 * @returns {Promise<Readonly<Record<string, Scenario>>>}
 */
export async function loadFile(file) {
  const module = await import(new URL(`${file}.mjs`, folder).href);
  return module.scenarios;
}

/** Names of the groups and their files; nothing is loaded. */
function listFiles() {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".mjs") && path.split("/").length === 2)
    .map((path) => path.slice(0, -".mjs".length))
    .sort();
}

/**
 * Scenarios chosen by name: a group (`sc`), a full name (`sc/checkpoint`), or how one begins (`sc/spawn`). All for none.
 *
 * @param {readonly string[]} wanted
 * @returns {Promise<Found[]>}
 * @throws RangeError if a name chooses nothing
 */
export async function findScenarios(wanted) {
  /** @type {Found[]} */
  const all = [];
  for (const file of listFiles()) {
    const group = file.split("/", 1)[0];
    for (const [id, scenario] of Object.entries(await loadFile(file))) {
      all.push({ name: `${group}/${id}`, file, id, scenario });
    }
  }
  /** @type {(name: string, want: string) => boolean} */
  const chooses = (name, want) => {
    if (all.some((s) => s.name === want)) return name === want;
    return name.startsWith(want.includes("/") ? want : `${want}/`);
  };
  const unknown = wanted.filter((want) => !all.some(({ name }) => chooses(name, want)));
  if (unknown.length > 0) {
    throw new RangeError(
      `no scenario is called ${unknown.join(", ")}; there are\n  ${all.map((s) => s.name).join("\n  ")}`,
    );
  }
  return all.filter(({ name }) => wanted.length === 0 || wanted.some((want) => chooses(name, want)));
}
