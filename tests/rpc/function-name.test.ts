import { openNursery, run } from "espalier";
import { nameOf } from "../../core/rpc/function-name.ts";
import { NAME_TIMEOUT_MS } from "../../core/rpc/limits.ts";
import { VirtualClock } from "../../core/sc/virtual-clock.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";

const modules = { main: new URL("./fixtures/waits-for-itself.ts", import.meta.url).href };

describe("the name of a function", () => {
  it("of a module that waits for who asks is given up after its bound, and not before, with what to do", async () => {
    const clock = new VirtualClock();
    let error: unknown;
    await run(
      () =>
        openNursery(function* (nursery) {
          nursery.startSoon(function* () {
            error = yield* errorOf(nameOf(function* work() {}, modules));
          });
          yield* clock.advance(NAME_TIMEOUT_MS - 1);
          expect(error).toBeUndefined();
          yield* clock.advance(1);
        }),
      { clock },
    );
    expect(error).toMatchObject({
      name: "FunctionNotFound",
      namespace: "main",
      func: "work",
      message: expect.stringMatching(/awaits runMain.*leave out that await/),
    });
  });
});
