import { type Context, context, openSelfPortal, shielded, sleep, sleepForever } from "espalier";

interface Order {
  started: number;
}

export const order = context(function* (ctx: Context<Order>, { how }: { how: string }) {
  yield* ctx.started(process.pid);
  if (how === "is delivered") return "here you are";
  if (how === "fails") throw new RangeError("out of stock");
  try {
    return yield* sleepForever();
  } finally {
    yield* shielded(() => cleanUp(how)); // clean-up that waits needs a shield
  }
});

function* cleanUp(how: string) {
  yield* sleep(10);
  if (how === "fails in its clean-up") throw new Error("cannot clean up");
  console.log("there: cleaned up");
}

/** Cancels the whole actor, and so everything that it serves. */
export function* closeShop() {
  yield* openSelfPortal((portal) => portal.cancelActor({ reason: "closing time" }));
}
