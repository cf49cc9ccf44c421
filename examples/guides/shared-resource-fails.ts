import type { Operation } from "effection";
import { ExceptionGroup, openNursery, runMain, sleep, sleepForever } from "espalier";
import { maybeOpenContext } from "espalier/trionics";

let tries = 0;

function* connect(use: (connection: number) => Operation<void>): Operation<void> {
  if (++tries === 1) throw new Error("refused");
  yield* openNursery(function* (n) {
    n.startSoon(function* heartbeat() {
      yield* sleep(100);
      throw new Error("lost");
    });
    yield* use(tries);
  });
}

function* user(who: string): Operation<void> {
  try {
    yield* maybeOpenContext("connection", connect, function* (connection) {
      console.log(`${who} uses connection ${connection}`);
      yield* sleepForever();
    });
  } catch (error) {
    const [why] = error instanceof ExceptionGroup ? error.leaves() : [error];
    console.log(`${who}: ${why}`);
  }
}

runMain(import.meta, function* () {
  for (const turn of ["first", "second"]) {
    console.log(turn);
    yield* openNursery(function* (n) {
      n.startSoon(user, "ann");
      n.startSoon(user, "bob");
    });
  }
});
