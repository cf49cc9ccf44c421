import { startGuestRun } from "espalier/interop";
import { expect, it } from "vitest";
import { quote } from "../../examples/guest_run/prices.ts";

it("has its own actors for a test, and none after it", async () => {
  await using guest = await startGuestRun();
  const prices = await guest.startActor("prices", {
    enableModules: [import.meta.resolve("../../examples/guest_run/prices.ts")],
  });
  expect(await prices.run(quote, { symbol: "BTC" })).toEqual({ symbol: "BTC", price: 103 });
});
