/** A few ticks of one symbol, in order, and what they come to. */
import type { Tick } from "./tick.ts";

export interface Window {
  readonly symbol: string;
  readonly ticks: readonly Tick[];
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** @throws RangeError if there are no ticks */
export function windowOf(ticks: readonly Tick[]): Window {
  const [first] = ticks;
  const last = ticks.at(-1);
  if (first === undefined || last === undefined) throw new RangeError("a window holds at least one tick");
  const prices = ticks.map((tick) => tick.price);
  return {
    symbol: first.symbol,
    ticks,
    open: first.price,
    high: Math.max(...prices),
    low: Math.min(...prices),
    close: last.price,
  };
}
