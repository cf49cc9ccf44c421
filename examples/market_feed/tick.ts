/** One trade as the recording, the server and the client spell it: a line of JSON. */

export interface Tick {
  /** Counts all rows of the recording from 1, whatever their symbol. */
  readonly seq: number;
  /** When it was traded, in milliseconds since 1970. */
  readonly at: number;
  readonly symbol: string;
  /** In the symbol's currency, in whole hundredths. */
  readonly price: number;
  /** In whole units. */
  readonly size: number;
}

/** Whether `value`, as parsed from a line that another process sent, is a tick. */
export function isTick(value: unknown): value is Tick {
  return (
    typeof value === "object" &&
    value !== null &&
    "seq" in value &&
    Number.isSafeInteger(value.seq) &&
    "at" in value &&
    Number.isSafeInteger(value.at) &&
    "symbol" in value &&
    typeof value.symbol === "string" &&
    "price" in value &&
    Number.isFinite(value.price) &&
    "size" in value &&
    Number.isSafeInteger(value.size)
  );
}
