/** A conversation between a task and Promise code, in one process: an item there, and the same one back. */
import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import { run } from "../../espalier.mjs";
import { assertSame } from "../../peer.mjs";
import { perSecond } from "../../scenario.mjs";
import { openChannelFrom } from "../../to-promise.mjs";

/** @import { PromiseChannel } from "../../to-promise.mjs" */
/** @import { Scenario } from "../../scenario.mjs" */

/** @param {object} _args @param {PromiseChannel<{ send: number, receive: number }>} chan */
async function echo(_args, chan) {
  chan.started();
  for await (const n of chan) await chan.send(n);
}

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  echo: {
    title: "a channel between a task and a promise: an item there and back",
    unit: "items/s",
    better: "more",
    limit: "async generator",
    note: "an async generator holds no item and is held up by none; a MessageChannel has no bound",
    peers: {
      espalier: (options) =>
        perSecond(options, (count) =>
          run(() =>
            openChannelFrom(echo, {}, function* (chan) {
              for (let i = 0; i < count; i++) {
                yield* chan.send(i);
                assertSame("echo", yield* chan.receive(), i);
              }
            }),
          ),
        ),
      "async generator": (options) =>
        perSecond(options, async (count) => {
          const echoing = (async function* () {
            /** @type {number} */
            let n = yield 0;
            for (;;) n = yield n;
          })();
          await echoing.next();
          for (let i = 0; i < count; i++) assertSame("echo", (await echoing.next(i)).value, i);
        }),
      MessageChannel: (options) =>
        perSecond(options, async (count) => {
          const { port1, port2 } = new MessageChannel();
          port2.on("message", (n) => port2.postMessage(n));
          for (let i = 0; i < count; i++) {
            const answer = once(port1, "message");
            port1.postMessage(i);
            assertSame("echo", (await answer)[0], i);
          }
          port1.close();
        }),
    },
  },
};
