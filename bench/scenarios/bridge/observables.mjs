/** Observables: between tasks and RxJS in one process, and from one process or thread to another. */
import { map, range } from "rxjs";
import { each, run } from "../../espalier.mjs";
import { Backpressure, fromObservable, toObservable } from "../../interop.mjs";
import { assertSame } from "../../peer.mjs";
import { numbersUpTo } from "../../peers/espalier-numbers.mjs";
import { measureEach } from "../../peers.mjs";
import { perSecond } from "../../scenario.mjs";

/** @import { Scenario } from "../../scenario.mjs" */

/** @param {number} count */
const sumOf = (count) => (count * (count - 1)) / 2;

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  observable: {
    title: "small integers from a task through an operator of RxJS into a task",
    unit: "items/s",
    better: "more",
    limit: "rxjs",
    note: "rxjs pushes from range() to subscribe(), and neither of them can be held up or waits",
    peers: {
      espalier: (options) =>
        perSecond(options, (count) =>
          run(function* () {
            const pressure = new Backpressure();
            const doubled = toObservable(numbersUpTo(count), { pressure }).pipe(map((n) => 2 * n));
            let sum = 0;
            for (const n of yield* each(fromObservable(doubled, { pressure }))) {
              sum += n;
              yield* each.next();
            }
            assertSame("sum", sum, 2 * sumOf(count));
          }),
        ),
      rxjs: (options) =>
        perSecond(options, async (count) => {
          let sum = 0;
          range(0, count)
            .pipe(map((n) => 2 * n))
            .subscribe((n) => {
              sum += n;
            });
          assertSame("sum", sum, 2 * sumOf(count));
        }),
    },
  },
  observe: {
    title: "an observable elsewhere, small integers",
    unit: "items/s",
    better: "more",
    limit: ["fork-json", "fork-advanced"],
    note: "threads is a thread, and pushes without bound; with fork the items are messages by hand, with a window",
    peers: measureEach(["observe"], async (open, options) => {
      const fleet = await open(1);
      return await perSecond(options, (count) => fleet.observe(count));
    }),
  },
};
