import { each, run } from "espalier";
import { openChannelFrom, type PromiseChannel } from "espalier/to_promise";

interface Doubling {
  started: string;
  send: number;
  receive: number;
}

/** Promise code with a channel; its `signal` and the ends of its loops tell it when to stop. */
async function doubling({ name }: { name: string }, chan: PromiseChannel<Doubling>): Promise<string> {
  chan.started(`${name} is ready`);
  for await (const n of chan) await chan.send(n * 2); // which waits while nobody reads
  return "no more numbers";
}

await run(function* () {
  yield* openChannelFrom(doubling, { name: "doubling" }, function* (chan, first) {
    console.log(first);
    for (const n of [1, 2, 3]) yield* chan.send(n);
    chan.closeSend();
    for (const n of yield* each(chan)) {
      console.log(n);
      yield* each.next();
    }
    console.log(yield* chan.waitForResult());
  });
});
