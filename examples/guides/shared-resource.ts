import type { Operation } from "effection";
import { moveOnAfter, openNursery, runMain, sleep, sleepForever } from "espalier";
import { maybeOpenContext } from "espalier/trionics";

/** Any block that gives a value to its body: a context, a connection, a pool. */
function* openTable(name: string, use: (table: string) => Operation<void>): Operation<void> {
  console.log(`opened ${name}`);
  try {
    yield* use(`rows of ${name}`);
  } finally {
    console.log(`closed ${name}`);
  }
}

function* user(who: string, ms: number): Operation<void> {
  yield* maybeOpenContext(
    ["table", "orders"],
    (use) => openTable("orders", use),
    function* (table, isHit) {
      console.log(`${who} has the ${table}, ${isHit ? "shared" : "first"}`);
      yield* sleep(ms);
    },
  );
}

runMain(import.meta, function* () {
  yield* openNursery(function* (n) {
    n.startSoon(() => moveOnAfter(500, () => user("ann", 60_000))); // is cancelled, and the others are not
    n.startSoon(user, "bob", 1_000);
    n.startSoon(user, "cid", 1_500);
  });
  yield* moveOnAfter(50, () => maybeOpenContext("idle", (use) => openTable("idle", use), sleepForever));
});
