import { openActorNursery, runMain } from "espalier";

let calls = 0; // each process has its own

export function* count() {
  return ++calls;
}

export function* factorial({ n }: { n: bigint }) {
  let product = 1n;
  for (let i = 2n; i <= n; i++) product *= i;
  return product;
}

runMain(import.meta, function* () {
  const enableModules = [import.meta.url];
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("counter", { enableModules });
    yield* portal.run(count);
    console.log("there:", yield* portal.run(count), "here:", calls);

    const one = yield* an.runInActor(factorial, { n: 20n }, { enableModules });
    console.log(one.portal.actor.name, yield* one.waitForResult());

    yield* portal.cancelActor(); // without it the block would wait for ever
  });
  console.log("both processes have exited");
});
