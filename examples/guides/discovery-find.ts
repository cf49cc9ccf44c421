import { ActorNotFound, findActor, findActors, maybeFindActor, openActorNursery, queryActor, runMain } from "espalier";
import { about, add } from "./things.ts";

const enableModules = [import.meta.resolve("./things.ts"), import.meta.url];

export function* sums({ name }: { name: string }) {
  return yield* findActor(name, (portal) => portal.run(add, { a: 20, b: 3 }));
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    yield* an.startActor("adder", { enableModules });
    const clerk = yield* an.startActor("clerk", { enableModules });
    console.log("its sibling says", yield* clerk.run(sums, { name: "adder" }));

    const { actor, path } = (yield* queryActor("adder")) ?? { path: [] }; // without connecting to it
    console.log(actor?.name, "is below", path.map(({ name }) => name).join(" > "));
    console.log("all:", (yield* findActors()).map((found) => found.actor.name).join(", "));

    try {
      yield* clerk.run(sums, { name: "divider" });
    } catch (error) {
      if (error instanceof ActorNotFound) console.log(error.message);
    }
    const who = yield* maybeFindActor("divider", function* (portal) {
      return portal === undefined ? "nobody" : (yield* portal.run(about)).name;
    });
    console.log(who);
    an.cancelScope.cancel();
  });
});
