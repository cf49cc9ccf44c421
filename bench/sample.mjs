/** One sample, in a process of its own: `node sample.mjs <group/file> <id> <peer> <options as JSON>`; prints JSON. */
import { writeSync } from "node:fs";
import { calibrate } from "./machine.mjs";
import { loadFile } from "./scenarios.mjs";

const [file = "", id = "", peer = "", options = "{}"] = process.argv.slice(2);
const scenario = (await loadFile(file))[id];
const measure = scenario?.peers[peer];
if (measure === undefined) throw new Error(`there is no ${peer} in ${file}, scenario ${id}`);
const before = calibrate();
const figure = await measure(JSON.parse(options));
writeSync(1, `${JSON.stringify({ figure, calibration: [before, calibrate()] })}\n`);
// What was measured may still stand, on purpose.
process.exit(0);
