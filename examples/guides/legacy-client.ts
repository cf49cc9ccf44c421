import { each, run } from "espalier";
import { fromEvents } from "espalier/interop";
import { useClient } from "espalier/to_promise";
import { Feed } from "./sdk.ts";

await run(function* () {
  const feed = yield* useClient(
    async () => {
      const feed = new Feed();
      await feed.connect();
      return feed;
    },
    (feed) => feed.close(),
  );
  const ticks = yield* fromEvents(feed, ["tick"], { capacity: 16, overflow: "drop-oldest" });
  for (const { args } of yield* each(ticks)) {
    console.log("tick", ...args);
    if (args[0] === 3) break;
    yield* each.next();
  }
});
console.log("and nothing is left");
