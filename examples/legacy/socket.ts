/** `ws` in an actor: a WebSocket as a dialog. Callbacks on one side, two loops on the other, one bounded channel between. */
import { once } from "node:events";
import { type Context, context, each, openNursery } from "espalier";
import { openChannelFrom, type PromiseChannel } from "espalier/to_promise";
import { WebSocket } from "ws";

interface Texts {
  started: string;
  send: string;
  receive: string;
}

/** Promise code: what comes is sent on, what it receives goes out. */
async function talk({ url }: { url: string }, chan: PromiseChannel<Texts>): Promise<number> {
  const socket = new WebSocket(url);
  chan.signal.addEventListener("abort", () => socket.terminate());
  await once(socket, "open", { signal: chan.signal });
  const closed = once(socket, "close");
  let received = 0;
  socket.on("message", (data) => {
    received++;
    // The other side of a WebSocket cannot be made to wait for one message, so the socket is: it is read no further.
    socket.pause();
    chan.send(String(data)).then(
      () => socket.resume(),
      () => socket.terminate(),
    );
  });
  closed.then(
    () => chan.closeSend(),
    () => chan.closeSend(),
  );
  chan.started(socket.protocol);
  for await (const text of chan) socket.send(text);
  socket.close();
  await closed;
  return received;
}

/** A conversation over a WebSocket; its result is how many messages came. */
export const conversation = context(function* (ctx: Context<Texts>, { url }: { url: string }) {
  return yield* openChannelFrom(talk, { url }, function* (chan, protocol) {
    yield* ctx.started(protocol);
    yield* ctx.openStream(function* (stream) {
      yield* openNursery(function* (nursery) {
        nursery.startSoon(function* outgoing() {
          for (const text of yield* each(stream)) {
            yield* chan.send(text);
            yield* each.next();
          }
          chan.closeSend();
        });
        for (const text of yield* each(chan)) {
          yield* stream.send(text);
          yield* each.next();
        }
        nursery.cancelScope.cancel("the socket has closed");
      });
    });
    chan.closeSend();
    return yield* chan.waitForResult();
  });
});
