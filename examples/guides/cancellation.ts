import {
  CancelScope,
  checkpoint,
  failAfter,
  isCancelled,
  moveOnAfter,
  openNursery,
  runMain,
  shielded,
  sleep,
  TooSlowError,
} from "espalier";

function* ask(ms: number) {
  try {
    yield* sleep(ms);
    return "an answer";
  } finally {
    // Clean-up that waits needs a shield: in a cancelled scope every other wait throws again.
    yield* shielded(() => sleep(5));
    console.log(`asked for ${ms} ms, and cleaned up`);
  }
}

runMain(import.meta, function* () {
  console.log(yield* moveOnAfter(20, () => ask(10))); // the value
  console.log(yield* moveOnAfter(20, () => ask(60_000))); // undefined: the time was up
  try {
    yield* failAfter(20, () => ask(60_000));
  } catch (error) {
    if (error instanceof TooSlowError) console.log(error.message);
  }

  const scope = new CancelScope();
  yield* openNursery(function* (n) {
    n.startSoon(function* () {
      yield* sleep(10);
      scope.cancel("not needed any more"); // from anywhere: another task, a callback
    });
    yield* scope.run(function* () {
      try {
        yield* sleep(60_000);
      } catch (error) {
        // A catch that takes everything must let a cancellation by.
        if (isCancelled(error)) throw error;
      }
    });
  });
  console.log(scope.cancelledCaught, scope.cancelCause?.reason);

  yield* moveOnAfter(10, function* () {
    for (;;) yield* checkpoint(); // a long computation lets others run, and can be cancelled
  });
});
