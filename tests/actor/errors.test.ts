import { inspect } from "node:util";
import type { Operation } from "effection";
import {
  ActorDied,
  type ErrorOrigin,
  openActorNursery,
  originOf,
  type Portal,
  RemoteActorError,
  remote,
} from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { errorOf } from "../support/outcome.ts";
import { add, chain, failingFamily, fails, failsWithValue, fetchLike, returnsFunction } from "./fixtures/service.ts";

const enableModules = { service: new URL("./fixtures/service.ts", import.meta.url) };
const service = remote<typeof import("./fixtures/service.ts")>("service");

function* withChild(body: (portal: Portal) => Operation<void>): Operation<void> {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("child", { enableModules });
    yield* body(portal);
    // Whatever went wrong, the actor serves on.
    expect(yield* portal.run(add, { a: 20, b: 3 })).toBe(23);
    yield* portal.cancelActor();
  });
}

function notExported(): Operation<void> {
  return fails({ message: "never runs" });
}

describe("errors of remote tasks", () => {
  useCensus();

  it("B13 what a remote task throws arrives with name, message, stack, cause, data and origin", function* () {
    yield* withChild(function* (portal) {
      const error = yield* errorOf(portal.run(fails, { message: "too much" }));
      expect(error).toBeInstanceOf(RemoteActorError);
      if (!(error instanceof RemoteActorError)) return;
      expect(error.message).toMatch(/^RangeError: too much/);
      expect(error.remoteName).toBe("RangeError");
      expect(error.remoteMessage).toBe("too much");
      expect(error.remoteStack).toMatch(/service\.ts:\d+/);
      expect(error.srcActor).toEqual(portal.actor);
      expect(error.data).toMatchObject({ detail: { at: 7 } });
      expect(error.boxed).toBeInstanceOf(RangeError);
      expect(error.boxed).toMatchObject({ code: "E_TEST" });
      expect(error.cause).toMatchObject({ message: expect.stringContaining("the reason") });
      // Where it was called from, and what happened over there, in one picture.
      expect(error.stack).toContain("errors.test.ts");
      expect(inspect(error)).toMatch(/in child@[\s\S]*service\.ts[\s\S]*the reason/);
    });
  });

  it("B14 a thrown non-error keeps its value", function* () {
    yield* withChild(function* (portal) {
      expect(yield* errorOf(portal.run(failsWithValue))).toMatchObject({ boxed: { not: "an error" } });
    });
  });

  it("B15 B22 when two remote tasks fail at once both errors arrive, and the healthy one was cancelled", function* () {
    const log = new LogFile();
    yield* withChild(function* (portal) {
      const error = yield* errorOf(portal.run(failingFamily, { log: log.path }));
      expect(error).toMatchObject({ remoteName: "ExceptionGroup" });
      expect(inspect(error)).toMatch(/one[\s\S]*two/);
      expect(log.lines).toEqual(["healthy began", "healthy cleaned up"]);
    });
  });

  it.each([
    ["a function that nobody exports", (portal: Portal) => portal.run(notExported), "FunctionNotFound", /notExported/],
    ["a name that is not exported", (p: Portal) => p.run(absent("nothing")), "FunctionNotFound", /"nothing"/],
    [
      "a module that is not exposed",
      (p: Portal) => p.run(absent("nothing", "node:fs")),
      "ModuleNotExposed",
      /exposes service/,
    ],
    ["an export that is no function", (p: Portal) => p.run(absent("notAFunction")), "FunctionNotFound", /is a number/],
    ["an export that is a class", (p: Portal) => p.run(absent("NotCallable")), "FunctionNotFound", /is a class/],
    ["a name of Object.prototype", (p: Portal) => p.run(absent("constructor")), "FunctionNotFound", /constructor/],
    [
      "arguments that cannot be sent",
      (p: Portal) => p.run(add, { a: 1, b: Symbol("x") as never }),
      "MsgTypeError",
      /args\.b/,
    ],
    [
      "arguments that are no object",
      (p: Portal) => p.run(add, 3 as never),
      "TypeError",
      /named arguments, got number 3/,
    ],
    [
      "a result that cannot be sent",
      (p: Portal) => p.run(returnsFunction),
      "MsgTypeError",
      /a function cannot be sent/,
    ],
  ] as const)(
    "B18 %s has its own error at the caller, and nothing else is disturbed",
    function* (_what, call, name, message) {
      yield* withChild(function* (portal) {
        const error = yield* errorOf(call(portal));
        expect(error).toMatchObject({ name, message: expect.stringMatching(message) });
        // Where it was called, and not only what was wrong.
        expect((error as Error).stack).toContain("errors.test.ts");
      });
    },
  );

  it("B16 the death of an actor far below tells which it was, who saw it, and by whom it was told", function* () {
    const died: unknown[] = [];
    const seen: (ErrorOrigin | undefined)[] = [];
    const look = (error: unknown, from: ErrorOrigin | undefined): void => {
      const origin = originOf(error) ?? from;
      if (error instanceof ActorDied) {
        died.push(error);
        seen.push(origin);
      } else if (error instanceof RemoteActorError) look(error.boxed, origin);
      else if (error instanceof AggregateError) for (const member of error.errors) look(member, origin);
    };
    yield* withChild(function* (portal) {
      look(yield* errorOf(portal.run(chain, { depth: 2, what: "exit" })), undefined);
    });
    expect(died).toMatchObject([{ actor: { name: "level0" }, exitCode: 5 }]);
    expect(seen).toMatchObject([{ srcActor: { name: "level1" }, relayPath: [{ name: "level1" }] }]);
  });

  it("an async function is called with its arguments and a signal, and a remote reference needs no import", function* () {
    yield* withChild(function* (portal) {
      expect(yield* portal.run(fetchLike, { url: "there" })).toBe("there false");
      expect(yield* portal.run(service.add, { a: 1, b: 2 })).toBe(3);
    });
  });
});

/** A reference that the types would refuse: what a peer without types could ask for. */
function absent(func: string, ns = "service"): () => Operation<unknown> {
  return Reflect.get(remote(ns), func);
}
