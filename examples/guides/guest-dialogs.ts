import { startGuestRun } from "espalier/interop";
import { countdown, summing } from "./guest-feed.ts";

async function main() {
  await using guest = await startGuestRun();
  const feed = await guest.startActor("feed", { enableModules: [import.meta.resolve("./guest-feed.ts")] });

  for await (const n of feed.stream(countdown, { from: 1_000 })) {
    if (n === 998) break; // cancels the producer, and waits for it
  }
  console.log("here: the loop was left");

  await using ctx = await feed.openContext(summing, {});
  console.log("here:", ctx.first);
  for (const n of [1, 2, 3]) await ctx.send(n); // waits while there is no room for it over there
  for await (const sum of ctx) {
    console.log("here:", sum);
    if (sum === 6) break; // the context goes on
  }
  await ctx.closeStream(); // nothing more is sent, or read
  console.log("here:", await ctx.result());
}

await main();
