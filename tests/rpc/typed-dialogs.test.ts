import type { Operation } from "effection";
import { context, MsgTypeError, openActorNursery, type Portal, remote } from "espalier";
import { expectTypeOf } from "vitest";
import { z } from "zod";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import {
  asynchronous,
  byArktype,
  byValibot,
  byZod,
  returnsWrong,
  sendsWrong,
  sendsWrongChecked,
  startsWrong,
  unchecked,
} from "./fixtures/typed.ts";

const enableModules = { typed: new URL("./fixtures/typed.ts", import.meta.url) };
const typed = remote<typeof import("./fixtures/typed.ts")>("typed");

function* withChild(body: (portal: Portal) => Operation<void>): Operation<void> {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("child", { enableModules });
    yield* body(portal);
    // One dialog's type error ends no other.
    yield* portal.openContext(byZod, {}, function* (ctx, first) {
      expect(first).toBe("n is 3");
      yield* ctx.openStream(function* () {});
    });
    yield* portal.cancelActor();
  });
}

function* done(): Operation<void> {}

describe("dialogs with schemas", () => {
  useCensus();

  it("B53 give each side what the schema makes of a value, and types that say so", function* () {
    yield* withChild(function* (portal) {
      const sum = yield* portal.openContext(byZod, {}, function* (ctx, first) {
        expectTypeOf(first).toEqualTypeOf<string>();
        expect(first).toBe("n is 3"); // a default of the arguments
        yield* ctx.openStream(function* (stream) {
          const item = yield* stream.receive();
          expectTypeOf(item).toEqualTypeOf<{ id: number; note: string }>();
          expect(item).toEqual({ id: 3, note: "none" }); // a default of the item
          yield* stream.send({ ack: "4" }); // coerced where it is received
          yield* stream.send({ ack: 5 });
        });
        return yield* ctx.waitForResult();
      });
      expectTypeOf(sum).toEqualTypeOf<number>();
      expect(sum).toBe(9);
    });
  });

  it.each([
    ["zod", byZod],
    ["valibot", byValibot],
    ["arktype", byArktype],
  ] as const)("B53 wrong arguments are refused by %s before anything is sent", function* (_name, endpoint) {
    yield* withChild(function* (portal) {
      const error = yield* errorOf(portal.openContext(endpoint as typeof byValibot, { n: "seven" as never }, done));
      expect(error).toBeInstanceOf(MsgTypeError);
      expect(error).toMatchObject({ slot: "args", issues: [{ path: ["n"] }] });
      expect(String(error)).toMatch(/typed\.by\w+: args\.n: .*"seven"/);
    });
  });

  it("B53 the path leads to the offending field, however deep", function* () {
    yield* withChild(function* (portal) {
      const error = yield* errorOf(portal.openContext(byZod, { at: { tags: ["a", 2 as never] } }, done));
      expect(String(error)).toMatch(/args\.at\.tags\[1\]: .*got 2/);
    });
  });

  it("B53 arguments that a caller without the schema sends are refused by the endpoint's side", function* () {
    yield* withChild(function* (portal) {
      const error = yield* errorOf(portal.openContext(typed.byZod, { n: "seven" as never }, done));
      expect(error).toMatchObject({ name: "MsgTypeError", slot: "args", issues: [{ path: ["n"] }] });
    });
  });

  it.each([
    ["first value", startsWrong, "started", /started: .*got 1/],
    ["result", returnsWrong, "result", /result\.deep\.n: .*"text"/],
    ["item", sendsWrong, "send", /send: .*"two"/],
    ["item that its sender checks", sendsWrongChecked, "send", /send: .*"two"/],
  ] as const)(
    "B53 a wrong %s ends the dialog with MsgTypeError on both sides",
    function* (_what, endpoint, slot, message) {
      yield* withChild(function* (portal) {
        const error = yield* errorOf(
          portal.openContext(endpoint as typeof sendsWrong, {}, function* (ctx) {
            yield* ctx.openStream(function* (stream) {
              for (;;) yield* stream.receive();
            });
          }),
        );
        expect(error).toMatchObject({ name: "MsgTypeError", slot, message: expect.stringMatching(message) });
      });
    },
  );

  it("B53 a wrong item from the caller is refused where it is received, and the caller is told", function* () {
    yield* withChild(function* (portal) {
      const error = yield* errorOf(
        portal.openContext(byZod, {}, function* (ctx) {
          yield* ctx.openStream(function* (stream) {
            yield* stream.send({ ack: {} });
            for (;;) yield* stream.receive();
          });
        }),
      );
      expect(error).toMatchObject({ name: "MsgTypeError", slot: "receive", issues: [{ path: ["ack"] }] });
    });
  });

  it("check: none lets everything by", function* () {
    yield* withChild(function* (portal) {
      yield* portal.openContext(unchecked, { n: "seven" as never }, function* (_ctx, first) {
        expect(first).toBe("seven");
      });
    });
  });

  it("a schema that validates asynchronously is refused, naming the slot", function* () {
    yield* withChild(function* (portal) {
      const error = yield* errorOf(portal.openContext(asynchronous, { n: 1 }, done));
      expect(String(error)).toMatch(/schema of "args" validates asynchronously/);
    });
  });

  it("what is no schema, or no function, is refused where the endpoint is made", () => {
    expect(() => context({ args: "number" as never }, done as never)).toThrow(
      /"args" is not a Standard Schema, got string/,
    );
    expect(() => context({ args: z.object({}) }, undefined as never)).toThrow(
      /takes a generator function, got undefined/,
    );
  });
});

/** What must not compile. Never run. */
function* mustNotCompile(portal: Portal): Operation<void> {
  // @ts-expect-error wrong argument
  yield* portal.openContext(byZod, { n: "7" }, done);
  yield* portal.openContext(typed.byZod, {}, function* (ctx) {
    yield* ctx.openStream(function* (stream) {
      // @ts-expect-error wrong item
      yield* stream.send({ nack: 1 });
    });
  });
}
void mustNotCompile;
