import type { Operation } from "effection";
import {
  type ActorNursery,
  currentActor,
  LOG_LEVELS,
  type LogLevel,
  type LogRecord,
  NoRuntime,
  openActorNursery,
  openNursery,
  openRootActor,
  reportWarning,
  useLog,
} from "espalier";
import { afterEach } from "vitest";
import { LogRelay } from "../../core/actor/log-relay.ts";
import { Channel } from "../../core/rpc/channel.ts";
import { FEATURES } from "../../core/wire/mod.ts";
import { useCensus } from "../support/census.ts";
import { PairedStream } from "../support/duplex-pair.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { id, Peer } from "../support/peer.ts";
import { runProgram } from "../support/program.ts";
import { dies, fails, floods, inNursery, levels, says, setsLevel } from "./fixtures/logs.ts";

const enableModules = [new URL("./fixtures/logs.ts", import.meta.url)];
const PROGRAM = "tests/actor/fixtures/logs-program.ts";

/** What the tree of `body` logs, as it reaches the root. */
function* logged(
  logLevel: LogLevel | undefined,
  body: (an: ActorNursery) => Operation<unknown>,
): Operation<LogRecord[]> {
  const records: LogRecord[] = [];
  const logTo = (record: LogRecord) => void records.push(record);
  const options = logLevel === undefined ? { logTo } : { logLevel, logTo };
  yield* openRootActor(() => openActorNursery(body), options);
  return records;
}

const nameOf = (record: LogRecord) => record.actor.replace(/@.*/, "");
const brief = (record: LogRecord) => `${nameOf(record)} ${record.level} ${record.message}`;

describe("the logs of a tree", () => {
  useCensus();
  afterEach(() => {
    delete process.env.ESPALIER_LOG;
  });

  it("B1 useLog outside an actor fails at once", function* () {
    expect(yield* errorOf(useLog())).toBeInstanceOf(NoRuntime);
  });

  it("records of a grandchild reach the root, in order, and say who speaks in which dialog", function* () {
    const records = yield* logged("info", function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      yield* portal.run(says, { deep: 1 });
      yield* portal.cancelActor();
      (yield* currentActor()).log.info("over");
    });
    expect(records.map(brief)).toEqual([
      "child info info 1",
      "child warn warn 1",
      "below-1 info info 0",
      "below-1 warn warn 0",
      "below-1 warn end 0",
      "child warn end 1",
      "root info over",
    ]);
    expect(records[2]).toMatchObject({ event: "log", dialog: "logs.ts.says", fields: { deep: 0 } });
    expect(new Set(records.map((record) => record.pid)).size).toBe(3);
    const times = records.map((record) => record.time);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it("a record of a task that a dialog has started names both", function* () {
    const [record] = yield* logged("warn", function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      yield* portal.run(inNursery);
      yield* portal.cancelActor();
    });
    expect(record).toMatchObject({ task: "helper", dialog: "logs.ts.inNursery", message: "from a task below" });
  });

  it("B8 the level of the root reaches every descendant; a per-child override stays with that child", function* () {
    yield* logged("info", function* (an) {
      const plain = yield* an.startActor("plain", { enableModules });
      expect(yield* plain.run(levels, { deep: 2 })).toEqual({
        own: "info",
        below: { own: "info", below: { own: "info" } },
      });
      const loud = yield* an.startActor("loud", { enableModules, logLevel: "transport" });
      expect(yield* loud.run(levels, { deep: 2 })).toEqual({
        own: "transport",
        below: { own: "info", below: { own: "info" } },
      });
      yield* plain.cancelActor();
      yield* loud.cancelActor();
    });
  });

  it("B8 the level of a nursery is that of the trees in it, and one that is set later of its actor alone", function* () {
    yield* logged("error", function* () {
      yield* openActorNursery(
        function* (an) {
          expect((yield* useLog()).level).toBe("error");
          const portal = yield* an.startActor("child", { enableModules });
          expect(yield* portal.run(levels, { deep: 1 })).toEqual({ own: "info", below: { own: "info" } });
          expect(yield* portal.run(setsLevel, { level: "cancel" })).toEqual({ own: "cancel", below: { own: "info" } });
          yield* portal.cancelActor();
        },
        { logLevel: "info" },
      );
    });
  });

  it("B8 ESPALIER_LOG overrides every level in the whole tree, and says so if it is none", function* () {
    process.env.ESPALIER_LOG = "runtime";
    yield* logged("error", function* (an) {
      expect((yield* useLog()).level).toBe("runtime");
      const portal = yield* an.startActor("child", { enableModules, logLevel: "warn" });
      const all = { own: "runtime", below: { own: "runtime" } };
      expect(yield* portal.run(levels, { deep: 1 })).toEqual(all);
      expect(yield* portal.run(setsLevel, { level: "error" })).toEqual(all);
      yield* portal.cancelActor();
    });
    process.env.ESPALIER_LOG = "loud";
    const records = yield* logged(undefined, function* () {
      expect((yield* useLog()).level).toBe("warn");
    });
    expect(records.map(brief)).toEqual([expect.stringMatching(/^root warn ESPALIER_LOG=loud is ignored: .*transport/)]);
  });

  it.each([
    ["openRootActor", (bad: LogLevel) => openRootActor(function* () {}, { logLevel: bad })],
    ["openActorNursery", (bad: LogLevel) => openActorNursery(function* () {}, { logLevel: bad })],
    [
      "startActor",
      (bad: LogLevel) =>
        openActorNursery(function* (an) {
          throw yield* errorOf(an.startActor("child", { logLevel: bad }));
        }),
    ],
  ] as const)("a level that is none fails at once: %s", function* (_where, open) {
    expect(String(yield* errorOf(open("loud" as LogLevel)))).toMatch(
      /logLevel: "loud" is not a log level|ExceptionGroup/,
    );
  });

  it("a quiet run logs nothing at the default level", function* () {
    const records = yield* logged(undefined, function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      yield* portal.run(levels, { deep: 1 });
      yield* portal.cancelActor();
    });
    expect(records).toEqual([]);
  });

  it("B23 the steps of a teardown are logged at cancel, with their times and the reason", function* () {
    const records = yield* logged("cancel", function* (an) {
      yield* an.startActor("child", { enableModules });
      an.cancelScope.cancel("that is enough");
    });
    const steps = records.filter((record) => record.event.startsWith("teardown."));
    expect(steps.map((record) => record.event)).toEqual([
      "teardown.requested",
      "teardown.acknowledged",
      "teardown.reaped",
    ]);
    for (const step of steps) {
      expect(step).toMatchObject({
        level: "cancel",
        fields: {
          child: expect.stringMatching(/^child@[\da-f]{8}$/),
          afterMs: expect.any(Number),
          reason: expect.stringContaining("that is enough"),
        },
      });
    }
    const requests = records.filter((record) => record.event.startsWith("cancel."));
    expect(requests.map((record) => `${nameOf(record)} ${record.event}`)).toEqual([
      "root cancel.sent",
      "child cancel.received",
    ]);
    expect(requests[1]).toMatchObject({
      fields: { canceller: expect.stringMatching(/^root@/), reason: expect.stringContaining("that is enough") },
    });
  });

  it("connections, actors and dialogs are told of below that, and an actor that died as an error", function* () {
    const records: LogRecord[] = [];
    const logTo = (record: LogRecord) => void records.push(record);
    yield* errorOf(
      openRootActor(
        () =>
          openActorNursery(function* (an) {
            const portal = yield* an.startActor("child", { enableModules });
            yield* portal.run(levels, { deep: 0 });
            yield* portal.run(dies);
          }),
        { logLevel: "transport", logTo },
      ),
    );
    const events = records.map((record) => `${record.level} ${record.event}`);
    expect(events).toEqual(
      expect.arrayContaining([
        "runtime actor.started",
        "transport connection.greeted",
        "runtime actor.ready",
        "runtime dialog.begun",
        "runtime dialog.ended",
        "transport connection.closed",
        "runtime actor.exited",
      ]),
    );
    expect(records.filter((record) => record.event === "actor.died")).toMatchObject([
      {
        level: "info",
        message: expect.stringMatching(/exited with status 3/),
        fields: { exitCode: 3, signal: null, stderrTail: "" },
      },
    ]);
  });

  it("an error comes with its cause and its stack", function* () {
    const records = yield* logged(undefined, function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      yield* portal.run(fails);
      yield* portal.cancelActor();
    });
    expect(records).toMatchObject([
      {
        level: "error",
        message: "RangeError: what",
        fields: {
          at: 7,
          error: {
            name: "RangeError",
            stack: expect.stringMatching(/at fails .*logs\.ts:\d+[\s\S]*\[cause\]: TypeError: why/),
            cause: { name: "TypeError", message: "why" },
          },
        },
      },
    ]);
  });

  it("warnings of the runtime are records where an actor runs", function* () {
    const records = yield* logged(undefined, function* () {
      reportWarning({ type: "TestWarning", message: "careful", error: new Error("late") });
    });
    expect(records).toMatchObject([
      { level: "warn", event: "warning.TestWarning", message: "careful", fields: { error: { message: "late" } } },
    ]);
  });

  it("a child that logs faster than its parent reads is not held up, its memory is bounded, and the gap is told", function* () {
    const file = new LogFile();
    const count = 100_000;
    const records = yield* logged(undefined, function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      yield* openNursery(function* (n) {
        n.startSoon(() => portal.run(floods, { count, file: file.path }));
        yield* file.has("began");
        // This thread does not turn its event loop until the child is through.
        while (file.lines.length < 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      });
      yield* portal.cancelActor();
    });
    expect(Number(file.lines[1])).toBeLessThan(50);
    const lost = records.findIndex((record) => record.event === "log.dropped");
    const dropped = Number(records[lost]?.fields?.dropped);
    const lines = records.filter((record) => record.event === "log").map((record) => record.fields?.i);
    expect(lines).toEqual(lines.slice().sort((a, b) => Number(a) - Number(b)));
    expect(lines.length + dropped).toBe(count);
    expect(lines.length).toBeLessThan(20_000);
    expect(records[lost]).toMatchObject({ level: "warn", message: expect.stringContaining(`${dropped} records`) });
  });
});

describe("the log of a program", () => {
  useCensus();

  it("is JSON, line by line, where stderr is no terminal, with the records of all its processes", async () => {
    const end = await runProgram(PROGRAM, { args: ["1"], env: { ESPALIER_LOG: "transport" } });
    expect(end).toMatchObject({ code: 0, stdout: "" });
    const records = end.stderr
      .split("\n")
      .slice(0, -1)
      .map((line): LogRecord => JSON.parse(line));
    for (const record of records) {
      expect(record).toMatchObject({ time: expect.any(Number), pid: expect.any(Number), message: expect.any(String) });
      expect(LOG_LEVELS).toContain(record.level);
    }
    const said = records.filter((record) => record.event === "log").map(brief);
    expect(said[0]).toBe("root info the root begins");
    expect(said.filter((line) => line.startsWith("below-1"))).toEqual([
      "below-1 info info 0",
      "below-1 warn warn 0",
      "below-1 warn end 0",
    ]);
  });

  it("is empty in a quiet run", async () => {
    const end = await runProgram(PROGRAM, { args: ["1"], env: { ESPALIER_LOG: "error" } });
    expect(end).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });
});

describe("the way of a record to the parent", () => {
  const record: LogRecord = { time: 1, level: "warn", actor: "me@1", pid: 1, event: "log", message: "hello" };
  const aid = { ...id("me"), pid: 1, is_registrar: null, is_probe: false };

  function* relayTo(features: readonly (typeof FEATURES)[number][]) {
    const [left, right] = PairedStream.make();
    const peer = new Peer(right, features);
    const channel = new Channel(left, { self: aid, initiator: false, serve: () => {} });
    yield* channel.greeted.wait();
    return { peer, channel, relay: new LogRelay(channel) };
  }

  it("is the link, where the parent understands that", function* () {
    const { peer, relay } = yield* relayTo(FEATURES);
    relay.write({ ...record, fields: { n: 1 } });
    yield* macrotasks();
    expect(peer.heard).toEqual([{ msg_type: "Log", ...record, task: null, dialog: null, fields: { n: 1 } }]);
  });

  it.each([
    ["a parent that does not", FEATURES.filter((feature) => feature !== "log"), false],
    ["a plain one", [], false],
    ["an orphan", FEATURES, true],
  ] as const)("is the process's own stderr: %s", function* (_who, features, isOrphan) {
    const { peer, relay } = yield* relayTo(features);
    const written: string[] = [];
    const { write } = process.stderr;
    process.stderr.write = (text) => written.push(String(text)) > 0;
    try {
      if (isOrphan) relay.disconnected();
      relay.write(record);
      relay.flush();
    } finally {
      process.stderr.write = write;
    }
    yield* macrotasks();
    expect(peer.heard).toEqual([]);
    expect(written.join("")).toContain('"message":"hello"');
  });
});
