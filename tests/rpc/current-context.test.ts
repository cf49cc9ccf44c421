import type { Operation } from "effection";
import { currentContext, openNursery, openRootActor, openSelfPortal, type Portal } from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import { nested, servesNone, startsFarBelow } from "./fixtures/current-context.ts";

const enableModules = [new URL("./fixtures/current-context.ts", import.meta.url)];
const ITSELF = /currentContext\(\): this task serves no context/;

function withSelf(body: (portal: Portal) => Operation<void>): Operation<void> {
  return openRootActor(() => openSelfPortal(body), { enableModules });
}

describe("currentContext", () => {
  useCensus();

  it("is the context of the endpoint, for every task below it, and for each of several its own", function* () {
    const firsts: unknown[] = [];
    yield* withSelf(function* (portal) {
      yield* openNursery(function* (n) {
        for (const value of ["a", "b", "c"]) {
          n.startSoon(() =>
            portal.openContext(startsFarBelow, { value }, function* (ctx, first) {
              firsts.push([value, first, yield* ctx.waitForResult()]);
            }),
          );
        }
      });
    });
    expect(firsts.sort()).toEqual(["a", "b", "c"].map((value) => [value, value, true]));
  });

  it("is the outer one again after one within it", function* () {
    let result: unknown;
    yield* withSelf(function* (portal) {
      result = yield* portal.openContext(nested, {}, (ctx) => ctx.waitForResult());
    });
    expect(result).toEqual({ inner: ["inner", true], isOwn: true });
  });

  it("is refused where no context is served, with what to do", function* () {
    expect(yield* errorOf(currentContext())).toMatchObject({ message: expect.stringMatching(ITSELF) });
    let inCall: unknown;
    yield* withSelf(function* (portal) {
      inCall = yield* errorOf(portal.run(servesNone));
    });
    expect(inCall).toMatchObject({ remoteMessage: expect.stringMatching(ITSELF) });
  });

  it("a reason that is no text is refused before anything is cancelled", function* () {
    let refused: unknown;
    let result: unknown;
    yield* withSelf(function* (portal) {
      result = yield* portal.openContext(startsFarBelow, { value: "a" }, function* (ctx) {
        refused = yield* errorOf(ctx.cancel({ graceMs: 5 } as never));
        return yield* ctx.waitForResult();
      });
    });
    expect(refused).toMatchObject({ name: "TypeError", message: expect.stringContaining("{ graceMs: 5 }") });
    expect(result).toBe(true);
  });
});
