/**
 * The tick server as a program: `tick-server.ts [--file ticks.ndjson] [--rows-per-second 500] [--drop-every 1000]`.
 * Prints its port as the first line and ends when its input ends, so it cannot outlive whoever started it.
 */
import { parseArgs } from "node:util";
import { RECORDING, readRecording } from "./recording.ts";
import { type ReplayOptions, serveTicks } from "./tick-replay.ts";

const { values } = parseArgs({
  options: {
    file: { type: "string" },
    "rows-per-second": { type: "string" },
    "drop-every": { type: "string" },
  },
});

function positive(option: "rows-per-second" | "drop-every"): number | undefined {
  const text = values[option];
  if (text === undefined) return undefined;
  if (!(Number(text) > 0)) throw new RangeError(`--${option} must be a number greater than 0, got ${text}`);
  return Number(text);
}

const rowsPerSecond = positive("rows-per-second");
const dropEvery = positive("drop-every");
const options: ReplayOptions = {
  ...(rowsPerSecond === undefined ? {} : { rowsPerSecond }),
  ...(dropEvery === undefined ? {} : { dropEvery }),
};
const server = await serveTicks(await readRecording(values.file ?? RECORDING), options);

process.stdin.on("end", () => void server.close()).resume();
// A terminal's Ctrl-C reaches us along with the one who started us; when to end is for them to say, by our input.
if (!process.stdin.isTTY) process.on("SIGINT", () => {});
console.log(server.port);
