/** A Promise program as the host of an actor, started again when it crashes: `node --import tsx examples/guest_run/supervised.ts` */
import { until } from "effection";
import { ActorDied, ExceptionGroup, openActorNursery, runMain } from "espalier";
import { port } from "./server.ts";

const host = import.meta.resolve("./server.ts");

/** Serve until the server crashes, or has answered `requests`. */
function* serve(requests: readonly string[]) {
  yield* openActorNursery(function* (an) {
    const web = yield* an.startActor("web", { host, enableModules: [host] });
    const url = `http://127.0.0.1:${yield* web.run(port)}`;
    for (const path of requests) {
      const answer = yield* until(get(url + path));
      console.log(`here: ${path} ${answer}`);
    }
    yield* web.cancelActor();
  });
}

async function get(url: string) {
  try {
    const response = await fetch(url, { headers: { connection: "close" } });
    return (await response.text()).trim();
  } catch (error) {
    return `failed: ${error instanceof Error ? error.message : error}`;
  }
}

runMain(import.meta, function* () {
  for (const requests of [["/", "/crash"], ["/"]]) {
    try {
      yield* serve(requests);
      console.log("here: the server has ended in good order");
    } catch (error) {
      const died = error instanceof ExceptionGroup ? error.leaves()[0] : error;
      if (!(died instanceof ActorDied) || !(died.cause instanceof Error)) throw error;
      console.log(`here: ${died.cause.message.replace(/@\w+/, "")}`);
    }
  }
});
