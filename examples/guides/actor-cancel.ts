import { openActorNursery, runMain } from "espalier";
import { add, waiting } from "./things.ts";

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const enableModules = [import.meta.resolve("./things.ts")];
    const one = yield* an.startActor("one", { enableModules });
    const two = yield* an.startActor("two", { enableModules });

    yield* one.openContext(waiting, { name: "a task" }, (ctx) => ctx.cancel("not needed")); // 1. one task
    console.log("here: one serves on", yield* one.run(add, { a: 1, b: 1 }));

    yield* one.openContext(waiting, { name: "all of one" }, () => one.cancelActor()); // 2. one process
    console.log("here: two serves on", yield* two.run(add, { a: 1, b: 2 }));

    yield* two.openContext(waiting, { name: "all of two" }, function* (ctx) {
      an.cancelScope.cancel("closing time"); // 3. all processes of the nursery, and its block
      yield* ctx.waitForResult();
    });
    console.log("never printed");
  });
  console.log("here: no process is left");
});
