import { setTimeout } from "node:timers/promises";
import { openMemoryChannel, openNursery, runMain, shielded, sleep, sleepForever } from "espalier";
import { fromObservable, intoObserver, runTask, toObservable } from "espalier/interop";
import { map, Subject } from "rxjs";

/** For a program of promises: tasks behind an observable, cancelled by unsubscribing, and waited for. */
async function listen() {
  const items$ = toObservable(function* () {
    let given = 0;
    return {
      *receive() {
        if (given++ < 2) return given;
        try {
          return yield* sleepForever();
        } finally {
          yield* shielded(() => sleep(20));
          console.log("the tasks have cleaned up");
        }
      },
    };
  });
  const subscription = items$.pipe(map((n) => `item ${n}`)).subscribe(console.log);
  await setTimeout(20);
  subscription.unsubscribe();
  await items$.finalized();
  console.log("and that was waited for");
}

runMain(import.meta, function* () {
  // A subject between two tasks: one feeds it, the other reads it.
  const subject = new Subject<number>();
  const [send, receive] = openMemoryChannel<number>(8);
  yield* openNursery(function* (n) {
    const doubled = yield* fromObservable(subject.pipe(map((item) => item * 2)));
    n.startSoon(() => intoObserver(receive, subject));
    for (const item of [1, 2, 3]) yield* send.send(item);
    send.close(); // the end of the channel is the subject's completion
    for (let step = yield* doubled.next(); !step.done; step = yield* doubled.next()) console.log(step.value);
  });
  yield* runTask(listen);
});
