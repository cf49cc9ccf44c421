/** Two actors that find and greet each other: `node --import tsx examples/find_and_greet.ts`. */
import { currentActor, openActorNursery, openNursery, runMain, waitForActor } from "espalier";

export function* greet({ from }: { from: string }) {
  const { name } = yield* currentActor();
  return `Hi ${from}, my name is ${name}!`;
}

/** Waits until somebody of that name is there, and says hello: directly, without the parent of both between them. */
export function* findAndGreet({ other }: { other: string }) {
  const { name } = yield* currentActor();
  return yield* waitForActor(other, (portal) => portal.run(greet, { from: name }));
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const enableModules = [import.meta.url];
    yield* openNursery(function* (n) {
      for (const [name, other] of [
        ["donny", "gretchen"],
        ["gretchen", "donny"],
      ] as const) {
        n.startSoon(function* () {
          const actor = yield* an.startActor(name, { enableModules });
          console.log(`${name} hears: ${yield* actor.run(findAndGreet, { other })}`);
        });
      }
    });
    an.cancelScope.cancel("they have met");
  });
});
