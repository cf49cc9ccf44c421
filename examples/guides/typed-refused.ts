import type { Operation } from "effection";
import { MsgTypeError, openActorNursery, type Portal, remote, runMain } from "espalier";
import { chat } from "./typed-feed.ts";

const feed = remote<typeof import("./typed-feed.ts")>("feed");

function* show(where: string, operation: Operation<unknown>) {
  try {
    yield* operation;
  } catch (error) {
    if (!(error instanceof MsgTypeError)) throw error;
    console.log(where, error.slot, error.issues[0]?.path, error.message);
  }
}

function* nothing() {}

function* tryAll(portal: Portal) {
  const wrong = { room: "tea", last: 1_000 };
  yield* show("refused here:", portal.openContext(chat, wrong, nothing)); // and nothing was sent
  yield* show("refused there:", portal.openContext(feed.chat, wrong, nothing));
  const talk = portal.openContext(chat, { room: "tea" }, (ctx) =>
    ctx.openStream(function* (stream) {
      yield* stream.send({ text: "this is too long a text for the tea room", at: 0 });
      yield* stream.receive();
    }),
  );
  yield* show("an item, refused there:", talk);
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const enableModules = { feed: import.meta.resolve("./typed-feed.ts") };
    const portal = yield* an.startActor("feed", { enableModules });
    yield* tryAll(portal);
    yield* portal.cancelActor();
  });
});
