/**
 * What a market did, computed from ticks as they come or from all rows at once, with the same result: prices count in
 * whole hundredths, so no sum depends on the order or on rounding.
 */
import { createHash, type Hash } from "node:crypto";
import type { Tick } from "./tick.ts";

export interface SymbolSummary {
  readonly symbol: string;
  readonly count: number;
  readonly first: number;
  readonly last: number;
  readonly min: number;
  readonly max: number;
  readonly volume: number;
  /** The mean price, weighted by volume. */
  readonly vwap: number;
  /** Of the sequence numbers in the order they came: differs if one is lost, comes twice or comes too early. */
  readonly digest: string;
}

/** Plain data: it can be compared, printed and sent. */
export interface MarketSummary {
  readonly count: number;
  /** Sorted by symbol. */
  readonly symbols: readonly SymbolSummary[];
  /** Of the symbols' digests. What is not in it is the order between symbols, which a stream per symbol gives up. */
  readonly digest: string;
}

/** Sums up ticks one by one; asked in between, it tells the summary so far. */
export class Summarizer {
  readonly #symbols = new Map<string, SymbolSums>();

  add(tick: Tick): void {
    const sums = this.#symbols.get(tick.symbol) ?? new SymbolSums(tick);
    this.#symbols.set(tick.symbol, sums);
    sums.add(tick);
  }

  summary(): MarketSummary {
    const symbols = [...this.#symbols.values()].map((sums) => sums.summary()).sort(bySymbol);
    const hash = createHash("sha256");
    for (const { symbol, digest } of symbols) hash.update(`${symbol} ${digest}\n`);
    return { count: symbols.reduce((sum, { count }) => sum + count, 0), symbols, digest: shortDigest(hash) };
  }
}

/** The summary of all these ticks. */
export function summarize(ticks: Iterable<Tick>): MarketSummary {
  const summarizer = new Summarizer();
  for (const tick of ticks) summarizer.add(tick);
  return summarizer.summary();
}

/** As lines of text, without a last line end; equal summaries give equal text. */
export function formatSummary({ count, symbols, digest }: MarketSummary): string {
  return [
    "symbol  ticks     first      last       min       max    volume        vwap digest",
    ...symbols.map((of) =>
      [
        of.symbol.padEnd(6),
        `${of.count}`.padStart(6),
        ...[of.first, of.last, of.min, of.max].map((price) => price.toFixed(2).padStart(9)),
        `${of.volume}`.padStart(9),
        of.vwap.toFixed(4).padStart(11),
        of.digest,
      ].join(" "),
    ),
    `${count} ticks, digest ${digest}`,
  ].join("\n");
}

class SymbolSums {
  readonly #first: Tick;
  readonly #hash = createHash("sha256");
  #last: Tick;
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #volume = 0;
  /** Price times size, in hundredths: whole, and far below 2^53. */
  #turnover = 0;

  constructor(first: Tick) {
    this.#first = first;
    this.#last = first;
  }

  add(tick: Tick): void {
    this.#last = tick;
    this.#count++;
    this.#min = Math.min(this.#min, tick.price);
    this.#max = Math.max(this.#max, tick.price);
    this.#volume += tick.size;
    this.#turnover += Math.round(tick.price * 100) * tick.size;
    this.#hash.update(`${tick.seq}\n`);
  }

  summary(): SymbolSummary {
    return {
      symbol: this.#first.symbol,
      count: this.#count,
      first: this.#first.price,
      last: this.#last.price,
      min: this.#min,
      max: this.#max,
      volume: this.#volume,
      vwap: this.#turnover / this.#volume / 100,
      digest: shortDigest(this.#hash.copy()),
    };
  }
}

function shortDigest(hash: Hash): string {
  return hash.digest("hex").slice(0, 16);
}

function bySymbol(a: SymbolSummary, b: SymbolSummary): number {
  return a.symbol < b.symbol ? -1 : 1;
}
