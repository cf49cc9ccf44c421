import { expect, it } from "vitest";
import { readRecording } from "../../examples/market_feed/recording.ts";
import { formatSummary, Summarizer, summarize } from "../../examples/market_feed/summary.ts";
import type { Tick } from "../../examples/market_feed/tick.ts";

const tick = (seq: number, symbol: string, price: number, size: number): Tick => ({
  seq,
  at: seq,
  symbol,
  price,
  size,
});
const TICKS = [tick(1, "B", 10, 1), tick(2, "A", 0.1, 3), tick(3, "B", 12.5, 3), tick(4, "A", 0.2, 1)];

it("sums up each symbol", () => {
  expect(summarize(TICKS)).toMatchObject({
    count: 4,
    symbols: [
      { symbol: "A", count: 2, first: 0.1, last: 0.2, min: 0.1, max: 0.2, volume: 4, vwap: 0.125 },
      { symbol: "B", count: 2, first: 10, last: 12.5, min: 10, max: 12.5, volume: 4, vwap: 11.875 },
    ],
  });
});

it("of nothing is empty", () => {
  expect(summarize([])).toMatchObject({ count: 0, symbols: [] });
});

it("is the same tick by tick, asked in between, as from all rows at once", async () => {
  const rows = await readRecording();
  const summarizer = new Summarizer();
  for (const [index, row] of rows.entries()) {
    summarizer.add(row);
    if (index % 500 === 0) expect(summarizer.summary()).toEqual(summarize(rows.slice(0, index + 1)));
  }
  expect(summarizer.summary()).toEqual(summarize(rows));
});

it.each([
  ["lost", [1, 2, 4]],
  ["twice", [1, 2, 2, 3, 4]],
  ["out of order", [1, 3, 2, 4]],
])("differs when a tick is %s", (_, seqs) => {
  const ticks = [1, 2, 3, 4].map((seq) => tick(seq, "A", 1, 1));
  const others = seqs.map((seq) => tick(seq, "A", 1, 1));
  expect(summarize(others).digest).not.toBe(summarize(ticks).digest);
});

it("does not mind how symbols are interleaved", () => {
  const bySymbol = [...TICKS].sort((a, b) => a.symbol.localeCompare(b.symbol));
  expect(summarize(bySymbol)).toEqual(summarize(TICKS));
});

it("reads as one line per symbol", () => {
  const lines = formatSummary(summarize(TICKS)).split("\n");
  expect(lines[0]).toMatch(/^symbol +ticks +first/);
  expect(lines[1]).toMatch(/^A +2 +0\.10 +0\.20 +0\.10 +0\.20 +4 +0\.1250 [0-9a-f]{16}$/);
  expect(lines).toHaveLength(4);
  expect(lines[3]).toMatch(/^4 ticks, digest [0-9a-f]{16}$/);
});
