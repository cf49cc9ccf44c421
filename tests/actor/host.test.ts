/** Actors whose entry is a Promise program: its end, in every form that it can take. */
import type { Operation } from "effection";
import { until } from "effection";
import {
  ActorDied,
  type ActorNursery,
  type ActorOptions,
  ActorSpawnError,
  type ExceptionGroup,
  openActorNursery,
  openNursery,
  openRootActor,
  type Portal,
  RemoteActorError,
  sleep,
  type TeardownEvent,
  TransportClosed,
} from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { errorOf } from "../support/outcome.ts";
import { echoing, exits, pauses, port, release } from "./fixtures/hosts/program.ts";

const program = import.meta.resolve("./fixtures/hosts/program.ts");

function startHost(an: ActorNursery, log: LogFile, what: string[], options: ActorOptions = {}): Operation<Portal> {
  return an.startActor("web", { host: program, hostArgs: [log.path, ...what], enableModules: [program], ...options });
}

/** The one thing that a nursery with such a host fails with. */
function* failureOf(
  what: string[],
  then: (portal: Portal) => Operation<unknown> = function* () {},
): Operation<ActorDied> {
  const log = new LogFile();
  const group = yield* errorOf(
    openActorNursery(function* (an) {
      yield* then(yield* startHost(an, log, what));
    }),
  );
  const [error, ...others] = (group as ExceptionGroup).leaves();
  expect(others).toEqual([]);
  expect(error).toBeInstanceOf(ActorDied);
  return error as ActorDied;
}

function get(url: string): Operation<string> {
  return until(fetch(url, { headers: { connection: "close" } }).then((response) => response.text()));
}

describe("an actor with a host program", () => {
  useCensus();

  it("runs it as its entry, with its own arguments, and serves calls into the same modules", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const portal = yield* startHost(an, log, ["listens"]);
      const url = `http://127.0.0.1:${yield* portal.run(port)}`;
      expect(yield* get(url)).toBe("hello");
      expect(log.lines).toEqual(["began listens", "main, aborted false"]);
      yield* portal.cancelActor();
    });
  });

  it("ends in good order when nothing keeps the program's event loop alive", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      yield* startHost(an, log, ["works a while"]);
    });
    expect(log.lines).toEqual(["began works a while", "main, aborted false", "worked"]);
  });

  it("is up before it ends, also where the program has nothing to do and no main", function* () {
    const host = import.meta.resolve("./fixtures/hosts/nothing.ts");
    const names: string[] = [];
    yield* openActorNursery(function* (an) {
      for (let i = 0; i < 3; i++) names.push((yield* an.startActor(`web${i}`, { host })).actor.name);
    });
    expect(names).toEqual(["web0", "web1", "web2"]);
  });

  it("ends only when what it serves has ended as well, also where that waits for nothing but its caller", function* () {
    const log = new LogFile();
    const seen: unknown[] = [];
    yield* openActorNursery(function* (an) {
      const portal = yield* startHost(an, log, ["works until it is told"]);
      yield* portal.openContext(echoing, {}, (ctx) =>
        ctx.openStream(function* (stream) {
          yield* portal.run(release);
          // Not to wait for something: nothing over there but the dialog keeps the process now, and it stays.
          yield* sleep(100);
          yield* stream.send("still there");
          seen.push(yield* stream.receive());
        }),
      );
    });
    expect(seen).toEqual(["still there"]);
    expect(log.lines.slice(2)).toEqual(["released"]);
  });

  it("fails with the status that the program has set", function* () {
    const died = yield* failureOf(["sets a status"]);
    expect(died).toMatchObject({ exitCode: 4, signal: null });
  });

  it.each([
    ["throws outside of everything", ["throws later"], "RangeError", "out of ticks"],
    ["leaves a rejection to nobody", ["rejects"], "RangeError", "nobody caught it"],
    ["has a main that fails", ["main throws"], "RangeError", "main has failed"],
  ])("fails with the whole error of a program that %s", function* (_what, what, remoteName, remoteMessage) {
    const died = yield* failureOf(["listens", ...what]);
    expect(died).toMatchObject({ exitCode: 1, signal: null });
    expect(died.message).toContain(`${remoteName}: ${remoteMessage}`);
    expect(died.cause).toBeInstanceOf(RemoteActorError);
    expect(died.cause).toMatchObject({ remoteName, remoteMessage, srcActor: died.actor });
    expect((died.cause as RemoteActorError).remoteStack).toMatch(/hosts\/program.ts:\d+/);
    if (what.includes("throws later")) {
      expect((died.cause as RemoteActorError).data).toMatchObject({ code: "E_TICKS" });
      expect(String((died.cause as RemoteActorError).cause)).toMatch(/no feed/);
    }
  });

  it("tells of every failure of a program that has several", function* () {
    const died = yield* failureOf(["listens", "throws twice"]);
    expect(died.message).toMatch(/RangeError: crash 1; RangeError: crash 2/);
    const boxed = (died.cause as RemoteActorError).boxed as ExceptionGroup;
    expect(boxed.leaves().map(String)).toEqual([
      expect.stringContaining("crash 1"),
      expect.stringContaining("crash 2"),
    ]);
  });

  it("leaves a crash to a program that handles its own", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const portal = yield* startHost(an, log, ["listens", "handles its crashes", "throws later"]);
      yield* log.has("handled: out of ticks");
      expect(yield* portal.run(pauses, { ms: 1 })).toBe("paused");
      yield* portal.cancelActor();
    });
    expect(log.lines.at(-1)).toBe("paused");
  });

  it("fails with the status that the program exits with, and who talks to it is told", function* () {
    let told: unknown;
    const died = yield* failureOf(["listens"], function* (portal) {
      told = yield* errorOf(portal.run(exits, { status: 7 }));
    });
    expect(died).toMatchObject({ exitCode: 7, signal: null });
    expect(died.cause).toBeUndefined();
    expect(died.message).toMatch(/web@\w+ exited with status 7/);
    expect(told).toBeInstanceOf(TransportClosed);
  });

  it("ends in good order where the program exits with status 0", function* () {
    const log = new LogFile();
    let told: unknown;
    yield* openActorNursery(function* (an) {
      const portal = yield* startHost(an, log, ["listens"]);
      told = yield* errorOf(portal.run(exits, { status: 0 }));
    });
    expect(told).toBeInstanceOf(TransportClosed);
  });

  it.each([
    ["by its signal", "main waits for the signal", ["main ends"]],
    ["by a listener of its signal", "main listens to the signal", ["closed by signal"]],
    ["by its handler of SIGTERM", "handles SIGTERM", ["SIGTERM", "server closed"]],
  ])("passes a cancellation on %s, and waits for the program", function* (_how, what, lines) {
    const log = new LogFile();
    const steps: string[] = [];
    yield* openActorNursery(
      function* (an) {
        const portal = yield* startHost(an, log, [what, ...(what.startsWith("main waits") ? [] : ["listens"])]);
        yield* portal.cancelActor();
      },
      { onTeardown: ({ step }: TeardownEvent) => steps.push(step) },
    );
    expect(log.lines.slice(2)).toEqual(lines);
    expect(steps).toEqual(["requested", "acknowledged", "reaped"]);
  });

  it("runs the program's operations as its own tasks, down to children, and ends them with it", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const portal = yield* startHost(an, log, ["main runs operations"]);
      yield* log.has("3 = 3");
      yield* portal.cancelActor();
    });
    expect(log.lines.slice(2)).toEqual(["an operation has failed", "3 = 3"]);
  });

  it("is cancelled with its parent's nursery", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      yield* startHost(an, log, ["main waits for the signal"]);
      an.cancelScope.cancel("enough");
    });
    expect(log.lines.at(-1)).toBe("main ends");
  });

  it("does not wait for a program that cannot hear of it", function* () {
    const log = new LogFile();
    const steps: string[] = [];
    yield* openActorNursery(
      function* (an) {
        yield* (yield* startHost(an, log, ["listens"])).cancelActor();
      },
      { onTeardown: ({ step }: TeardownEvent) => steps.push(step) },
    );
    expect(steps).toEqual(["requested", "acknowledged", "reaped"]);
  });

  it("is ended by the ladder where the program ignores its signal, and the log says what", function* () {
    const log = new LogFile();
    const steps: string[] = [];
    const logged: string[] = [];
    const inNursery = () =>
      openActorNursery(
        function* (an) {
          yield* (yield* startHost(an, log, ["main ignores the signal"])).cancelActor();
        },
        { teardown: { unwindMs: 300 }, onTeardown: ({ step }: TeardownEvent) => steps.push(step) },
      );
    yield* openRootActor(inNursery, { logTo: ({ event, message }) => logged.push(`${event}: ${message}`) });
    expect(logged).toEqual([expect.stringMatching(/^host.ignored-abort: .*program.ts.*its main has not returned/)]);
    expect(steps).toEqual(["requested", "acknowledged", "SIGTERM", "reaped"]);
  });

  it("fails with what the program fails with while it is ended", function* () {
    const died = yield* failureOf(["main fails when it is aborted"], (portal) => portal.cancelActor());
    expect(died.cause).toMatchObject({ remoteMessage: "clean-up has failed" });
  });

  it("that does not come up says why", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const error = yield* errorOf(startHost(an, log, ["throws on import"]));
      expect(error).toBeInstanceOf(ActorSpawnError);
      expect((error as ActorSpawnError).message).toMatch(/RangeError: not today/);
      const nowhere = errorOf(an.startActor("web", { host: import.meta.resolve("./fixtures/hosts/nowhere.ts") }));
      expect(String(yield* nowhere)).toMatch(/Cannot find module/);
      for (const [options, message] of [
        [{ host: "server.ts" }, /host: "server.ts" is not a URL/],
        [{ host: program, hostArgs: "a b" }, /hostArgs: give an array of strings/],
        [{ hostArgs: [] }, /no host/],
      ] as const) {
        expect(String(yield* errorOf(an.startActor("web", options as ActorOptions)))).toMatch(message);
      }
    });
  });

  it("refuses a main that is an operation, and says what to do with it", function* () {
    const host = import.meta.resolve("./fixtures/hosts/operation.ts");
    const group = yield* errorOf(openActorNursery((an) => an.startActor("web", { host })));
    expect((group as ExceptionGroup).leaves().map(String)).toEqual([expect.stringMatching(/portal.run/)]);
  });

  it("takes a process that was kept warm", function* () {
    const log = new LogFile();
    yield* openActorNursery(
      function* (an) {
        yield* startHost(an, log, ["works a while"]);
      },
      { warm: 1 },
    );
    expect(log.lines.at(-1)).toBe("worked");
  });

  it("several run side by side, and the death of one cancels the others", function* () {
    const logs = [new LogFile(), new LogFile()] as const;
    const group = yield* errorOf(
      openActorNursery(function* (an) {
        yield* openNursery(function* (n) {
          n.startSoon(() => startHost(an, logs[0], ["main waits for the signal"]));
          n.startSoon(() => startHost(an, logs[1], ["main waits for the signal"]));
        });
        yield* startHost(an, new LogFile(), ["throws later", "listens"]);
      }),
    );
    expect((group as ExceptionGroup).leaves()).toEqual([expect.any(ActorDied)]);
    for (const log of logs) expect(log.lines.at(-1)).toBe("main ends");
  });
});
