import { moveOnAfter, run } from "espalier";
import { type PromiseTools, runTask } from "espalier/to_promise";
import { lookUp } from "./sdk.ts";

/** The callback becomes a promise, and the signal whatever it is that ends the work. */
function addressOf({ name }: { name: string }, { signal }: PromiseTools): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = lookUp(name, (error, address) => (error === null ? resolve(address ?? "") : reject(error)));
    signal.addEventListener("abort", () => {
      request.cancel();
      reject(signal.reason);
    });
  });
}

await run(function* () {
  console.log(yield* runTask(addressOf, { name: "near" }));
  console.log(yield* moveOnAfter(10, () => runTask(addressOf, { name: "far" })));
});
