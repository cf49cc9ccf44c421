/** espalier's observables across processes, as its guide has them. */
import { Event, openActorNursery, run } from "../espalier.mjs";
import { observe } from "../interop.mjs";
import { assertSame } from "../peer.mjs";
import { numbers } from "./espalier-numbers.mjs";

/** @import { Portal } from "../espalier.mjs" */

const enableModules = [import.meta.resolve("./espalier-numbers.mjs")];

/** @type {import("../peer.mjs").OpenFleet} */
export async function open() {
  const stop = new Event();
  /** @type {(portal: Portal) => void} */
  let stand;
  /** @type {Promise<Portal>} */
  const standing = new Promise((resolve) => {
    stand = resolve;
  });
  const tree = run(() =>
    openActorNursery(function* (actors) {
      stand(yield* actors.startActor("bench", { enableModules }));
      yield* stop.wait();
      actors.cancelScope.cancel("the work is done");
    }),
  );
  const portal = await Promise.race([standing, tree.then(() => standing)]);
  return {
    observe: (count) =>
      new Promise((resolve, reject) => {
        let sum = 0;
        observe(portal, numbers, { count }).subscribe({
          next: (n) => {
            sum += n;
          },
          error: reject,
          complete: () => {
            assertSame("sum", sum, (count * (count - 1)) / 2);
            resolve();
          },
        });
      }),
    async close() {
      stop.set();
      await tree;
    },
  };
}
