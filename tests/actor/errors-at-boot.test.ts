import type { Operation } from "effection";
import { ActorSpawnError, openActorNursery, RemoteActorError } from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import { add } from "./fixtures/service.ts";

const fixture = (name: string) => new URL(`./fixtures/${name}`, import.meta.url);

function* spawnError(body: Operation<unknown>): Operation<ActorSpawnError> {
  const error = yield* errorOf(body);
  if (error instanceof ActorSpawnError) return error;
  throw error;
}

describe("a child that does not come up", () => {
  useCensus();

  it.each([
    ["a module that is not there", "nowhere.ts", /Cannot find module/, ""],
    ["a module that throws on import", "throws-on-import.ts", /RangeError: import failed/, "about to throw"],
    ["a module with a syntax error", "syntax-error.ts.txt", /syntax-error|extension/, ""],
  ] as const)("B11 %s is a spawn failure that tells why, and the tree goes on", function* (_what, file, why, stderr) {
    yield* openActorNursery(function* (an) {
      const good = yield* an.startActor("good", { enableModules: [fixture("service.ts")] });
      const error = yield* spawnError(an.startActor("bad", { enableModules: [fixture(file)] }));
      expect(error.message).toMatch(why);
      expect(error).toMatchObject({ actorName: "bad", exitCode: 1, signal: null });
      expect(error.stderrTail).toContain(stderr);
      expect(error.cause).toBeInstanceOf(RemoteActorError);
      expect(yield* good.run(add, { a: 1, b: 2 })).toBe(3);
      yield* good.cancelActor();
    });
  });

  it("B11 a child that exits while booting gives its exit status and its stderr", function* () {
    yield* openActorNursery(function* (an) {
      const error = yield* spawnError(an.startActor("bad", { enableModules: [fixture("exits-on-import.ts")] }));
      expect(error.exitCode).toBe(3);
      expect(error.stderrTail).toBe("leaving");
      expect(error.message).toMatch(/exited with status 3/);
    });
  });

  it("B11 a child that is killed while booting gives the signal", function* () {
    yield* openActorNursery(function* (an) {
      const error = yield* spawnError(an.startActor("bad", { enableModules: [fixture("kills-itself.ts")] }));
      expect(error.signal).toBe("SIGKILL");
    });
  });

  it("B11 a child that hangs while booting is given up and ended after its bound", function* () {
    yield* openActorNursery(function* (an) {
      const options = { enableModules: [fixture("hangs-on-import.ts")], spawnTimeoutMs: 700 };
      const error = yield* spawnError(an.startActor("bad", options));
      expect(error.message).toMatch(/not ready within 700 ms/);
    });
  });

  it("B11 a working directory that does not exist is named", function* () {
    yield* openActorNursery(function* (an) {
      const error = yield* spawnError(an.startActor("bad", { cwd: "/nowhere/at/all" }));
      expect(error.message).toContain("cwd /nowhere/at/all does not exist");
    });
  });

  it("B11 an option that is wrong fails at the call, naming it", function* () {
    yield* openActorNursery(function* (an) {
      const start = () => an.startActor("x", { enableModules: ["./relative.ts"] });
      expect(yield* errorOf(start())).toMatchObject({
        name: "TypeError",
        message: expect.stringMatching(/enableModules: ".\/relative.ts" is not a URL/),
      });
    });
  });
});
