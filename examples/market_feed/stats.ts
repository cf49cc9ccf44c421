/** The `stats` actor: arithmetic that would keep a thread busy, in a process where that disturbs nobody. */
import type { Operation } from "effection";
import { seededRandom } from "./random.ts";

export interface Interval {
  readonly mean: number;
  /** Bounds of the middle 95 % of the resampled means. */
  readonly low: number;
  readonly high: number;
}

/**
 * The mean of `values`, and how sure it is: the bootstrap, resampled `rounds` times with a seeded generator.
 *
 * @throws RangeError if `values` is empty
 */
export function* bootstrap({
  values,
  rounds = 2_000,
  seed = 1,
}: {
  values: readonly number[];
  rounds?: number;
  seed?: number;
}): Operation<Interval> {
  if (values.length === 0) throw new RangeError("values must not be empty");
  const random = seededRandom(seed);
  const means = Float64Array.from({ length: rounds }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[Math.floor(random() * values.length)] ?? 0;
    return sum / values.length;
  }).sort();
  const at = (share: number) => means[Math.floor(share * (rounds - 1))] ?? Number.NaN;
  return { mean: values.reduce((a, b) => a + b, 0) / values.length, low: at(0.025), high: at(0.975) };
}
