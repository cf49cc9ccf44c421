import { ExceptionGroup, openNursery, runMain, sleep, type TaskStatus } from "espalier";

function* worker(name: string, ms: number) {
  yield* sleep(ms);
  console.log(`${name} is done`);
}

function* server(status: TaskStatus<number>) {
  yield* sleep(5); // binding a port, say
  status.started(8080);
  try {
    yield* sleep(60_000);
  } finally {
    console.log("the server shuts down");
  }
}

function* failing() {
  yield* sleep(30);
  throw new RangeError("out of range");
}

runMain(import.meta, function* () {
  yield* openNursery(function* (n) {
    n.startSoon(worker, "slow", 20); // starts, and returns at once
    n.startSoon(worker, "fast", 10);
    console.log("both have been started");
  });
  console.log("here both have ended");

  try {
    yield* openNursery(function* (n) {
      const port = yield* n.start(server); // starts, and waits until it calls started(port)
      console.log(`the server listens on ${port}`);
      n.startSoon(failing);
    });
  } catch (error) {
    // One failed: the others were cancelled and waited for, then the error came out. Always a group, also for one.
    if (error instanceof ExceptionGroup) console.log(error.leaves().map(String));
  }
});
