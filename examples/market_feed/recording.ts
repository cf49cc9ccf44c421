/** The recorded market day that the example replays: `data/ticks.ndjson`, made once by `data/generate.ts`. */
import { readFile } from "node:fs/promises";
import { isTick, type Tick } from "./tick.ts";

export const RECORDING: URL = new URL("./data/ticks.ndjson", import.meta.url);

/**
 * All rows of a recording, in order.
 *
 * @throws TypeError naming the line that is not a tick, or whose sequence number does not grow
 */
export async function readRecording(file: string | URL = RECORDING): Promise<Tick[]> {
  const rows: Tick[] = [];
  for (const line of (await readFile(file, "utf8")).split("\n")) {
    if (line === "") continue;
    const row: unknown = JSON.parse(line);
    if (!isTick(row) || row.seq <= (rows.at(-1)?.seq ?? 0)) {
      throw new TypeError(`line ${rows.length + 1} of ${file} is not the next tick: ${line}`);
    }
    rows.push(row);
  }
  return rows;
}
