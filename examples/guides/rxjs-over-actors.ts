import { all, each, openActorNursery, runMain } from "espalier";
import { openObservable, overActors } from "espalier/interop";
import { map, range } from "rxjs";
import { square } from "./rxjs-ticks.ts";

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const enableModules = [import.meta.resolve("./rxjs-ticks.ts")];
    const pool = yield* all(["one", "two"].map((name) => an.startActor(name, { enableModules })));

    const squares$ = range(1, 8).pipe(
      map((n) => ({ n })),
      overActors(pool, square),
    );
    yield* openObservable(squares$, function* (squares) {
      for (const n of yield* each(squares)) {
        if (n > 20) break; // the calls under way are cancelled, and waited for
        console.log(n);
        yield* each.next();
      }
    });
    for (const portal of pool) yield* portal.cancelActor();
  });
});
