import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { generateTicks, ROWS } from "../../examples/market_feed/data/generate.ts";
import { RECORDING, readRecording } from "../../examples/market_feed/recording.ts";

it("the recording is what its generator makes, byte for byte", async () => {
  expect(await readFile(RECORDING, "utf8")).toBe(generateTicks());
});

it("holds every sequence number once, in order, of five symbols", async () => {
  const rows = await readRecording();
  expect(rows.map((row) => row.seq)).toEqual(Array.from({ length: ROWS }, (_, i) => i + 1));
  expect(new Set(rows.map((row) => row.symbol)).size).toBe(5);
  expect(rows.every((row) => row.price > 0 && row.size > 0)).toBe(true);
});
