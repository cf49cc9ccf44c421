import { sleepForever } from "espalier";
import { startGuestRun } from "espalier/interop";
import { waits } from "./guest-feed.ts";

async function main() {
  await using guest = await startGuestRun();
  const feed = await guest.startActor("feed", { enableModules: [import.meta.resolve("./guest-feed.ts")] });

  const client = new AbortController();
  setTimeout(() => client.abort(new Error("the client has left")), 300);
  await feed.run(waits, { name: "one" }, { signal: client.signal }).catch((error) => console.log(`here: ${error}`));

  await feed.run(waits, { name: "two" }, { timeoutMs: 300 }).catch((error) => console.log(`here: ${error}`));

  // An operation of this process, as a task of the guest: both ways to bound a call are the same.
  await guest.run(sleepForever, { timeoutMs: 5 }).catch((error) => console.log(`here: ${error}`));
}

await main();
