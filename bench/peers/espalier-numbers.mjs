/** What espalier's child exposes as observables: in a module of its own, for to import rxjs takes a child 65 ms. */
import { EndOfChannel } from "../espalier.mjs";
import { observable, toObservable } from "../interop.mjs";

/** A source that can be held up. @param {number} count */
export function numbersUpTo(count) {
  let next = 0;
  return {
    *receive() {
      if (next === count) throw new EndOfChannel("the numbers");
      return next++;
    },
  };
}

export const numbers = observable(
  { capacity: 1_024 },
  /** @param {{ count: number }} args @param {{ pressure: import("../interop.mjs").Backpressure }} tools */
  ({ count }, { pressure }) => toObservable(numbersUpTo(count), { pressure }),
);
