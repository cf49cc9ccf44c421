/** What Promise code leaves behind when it settles, found where it is asked for. */
import { spawn as spawnProcess } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { Worker } from "node:worker_threads";
import type { Operation } from "effection";
import { type LogRecord, moveOnAfter, openActorNursery, openRootActor, PromiseLeaked } from "espalier";
import { type LinkedTaskOptions, openChannelFrom, type PromiseChannel, runTask } from "espalier/to_promise";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import { runProgram } from "../support/program.ts";
import * as leaky from "./fixtures/leaky.ts";

const enableModules = [new URL("./fixtures/leaky.ts", import.meta.url)];

/** Run `body` with a server on a port of its own. */
function* withServer(body: (port: number) => Operation<void>): Operation<void> {
  const server = yield* runTask(
    () =>
      new Promise<Server>((resolve) => {
        const made = createServer(() => {}).listen(0, "127.0.0.1", () => resolve(made));
      }),
  );
  try {
    const address = server.address();
    yield* body(typeof address === "object" && address !== null ? address.port : 0);
  } finally {
    server.close();
  }
}

/** Things that can be left behind; each gives what ends it. */
const LEFT: Record<string, (port: number) => Promise<() => unknown>> = {
  timer: async () => {
    const timer = setTimeout(() => {}, 60_000);
    return () => clearTimeout(timer);
  },
  server: async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return () => void server.close();
  },
  socket: async (port) => {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve) => void socket.on("connect", resolve));
    return () => void socket.destroy();
  },
  "child process": async () => {
    const child = spawnProcess("sleep", ["60"], { stdio: "ignore" });
    return () => {
      child.kill("SIGKILL");
      return once(child, "exit");
    };
  },
  "file watcher": async () => {
    const watcher = watch(import.meta.dirname);
    return () => watcher.close();
  },
  "worker thread": async () => {
    const worker = new Worker("setInterval(() => {}, 1000)", { eval: true, execArgv: [] });
    await new Promise<void>((resolve) => void worker.on("online", resolve));
    return () => worker.terminate();
  },
};

describe("leaks of a promise task", () => {
  useCensus();

  it.each(Object.entries(LEFT))("a %s that is left is raised with the stack of its making", function* (kind, start) {
    let end: () => unknown = () => {};
    async function legacyConnect({ port }: { port: number }): Promise<void> {
      await null;
      end = await start(port);
    }
    yield* withServer(function* (port) {
      const error = yield* errorOf(runTask(legacyConnect, { port }, { leaks: "error" }));
      end();
      expect(error).toBeInstanceOf(PromiseLeaked);
      const { left, count, taskName, message } = error as PromiseLeaked;
      expect({ count, taskName, kinds: left.map((thing) => thing.kind) }).toEqual({
        count: 1,
        taskName: "legacyConnect",
        kinds: [kind],
      });
      expect(left[0]?.stack).toContain("leaks.test.ts");
      expect(left[0]?.stack).not.toContain("core/promise");
      expect(message).toContain("leaks.test.ts");
    });
  });

  it.each(Object.entries(LEFT))("a %s that is ended, in the same turn even, is none", function* (_kind, start) {
    yield* withServer(function* (port) {
      yield* runTask(
        async () => {
          const end = await start(port);
          await end(); // a process and a thread take their time; what has none is closed in the next turn
        },
        {},
        { leaks: "error" },
      );
    });
  });

  it("what was unref'ed, or made by others meanwhile, is none", function* () {
    const others = setTimeout(() => {}, 60_000);
    yield* runTask(async () => void setInterval(() => {}, 60_000).unref(), {}, { leaks: "error" });
    clearTimeout(others);
  });

  it("with two tasks at once each hears of its own", function* () {
    const timers: NodeJS.Timeout[] = [];
    const leave = (name: string) =>
      errorOf(runTask(async () => void timers.push(setTimeout(() => {}, 60_000)), {}, { leaks: "error", name }));
    const first = yield* leave("first");
    const second = yield* leave("second");
    for (const timer of timers) clearTimeout(timer);
    expect([first, second]).toMatchObject([
      { taskName: "first", count: 1 },
      { taskName: "second", count: 1 },
    ]);
  });

  it("many are counted, and the first are listed", function* () {
    const timers: NodeJS.Timeout[] = [];
    const error = yield* errorOf(
      runTask(
        async () => {
          for (let i = 0; i < 100; i++) timers.push(setTimeout(() => {}, 60_000));
        },
        {},
        { leaks: "error" },
      ),
    );
    for (const timer of timers) clearTimeout(timer);
    expect(error).toMatchObject({ count: 100, left: { length: 16 } });
    expect((error as Error).message).toContain("and 84 more");
  });

  it("a failure of the task is raised, and what it left is warned of", function* () {
    const { records, outcome } = yield* logged(async () => {
      const timer = setTimeout(() => {}, 60_000);
      later(() => clearTimeout(timer));
      throw new Error("legacy");
    }, "error");
    expect(String(outcome)).toBe("Error: legacy");
    expect(records.map(({ event }) => event)).toEqual(["warning.PromiseLeaked"]);
  });

  it("warned of, they cost the task nothing else", function* () {
    const { records, outcome } = yield* logged(async () => {
      const timer = setTimeout(() => {}, 60_000);
      later(() => clearTimeout(timer));
      return "value";
    }, "warn");
    expect(outcome).toBe("value");
    expect(records).toMatchObject([{ level: "warn", event: "warning.PromiseLeaked" }]);
  });

  it("are looked for when the task is cancelled too", function* () {
    let timer: NodeJS.Timeout | undefined;
    const error = yield* errorOf(
      moveOnAfter(5, () =>
        runTask(
          (_args, { signal }) => {
            timer = setTimeout(() => {}, 60_000);
            return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
          },
          {},
          { leaks: "error" },
        ),
      ),
    );
    clearTimeout(timer);
    expect(error).toBeInstanceOf(PromiseLeaked);
  });

  it("are looked for when a channel's block is left", function* () {
    let timer: NodeJS.Timeout | undefined;
    async function feed(_args: object, chan: PromiseChannel): Promise<void> {
      timer = setInterval(() => {}, 60_000);
      chan.started();
      await new Promise<void>((resolve) => chan.signal.addEventListener("abort", () => resolve()));
    }
    const error = yield* errorOf(openChannelFrom(feed, {}, function* () {}, { leaks: "error" }));
    clearInterval(timer);
    expect(error).toMatchObject({ name: "PromiseLeaked", taskName: "feed", count: 1 });
  });

  it("by an actor's default are found in what it serves, and raised at the caller", function* () {
    let error: unknown;
    let clean: unknown;
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("leaky", { enableModules, promises: { leaks: "error" } });
      error = yield* errorOf(portal.run(leaky.leavesTimer));
      clean = yield* portal.run(leaky.leavesNothing);
      yield* portal.cancelActor();
    });
    expect(clean).toBe("clean");
    expect(error).toBeInstanceOf(PromiseLeaked);
    expect(error).toMatchObject({ taskName: "leaky.ts.leavesTimer", count: 1, left: [{ kind: "timer" }] });
    expect((error as PromiseLeaked).left[0]?.stack).toMatch(/leavesTimer .*fixtures\/leaky\.ts/);
  });

  it("a rejection that nobody awaits is one of them, named with its error; a late one is reported, and ends nothing", function* () {
    const records: LogRecord[] = [];
    let error: unknown;
    let after: unknown;
    yield* openRootActor(
      () =>
        openActorNursery(function* (an) {
          const portal = yield* an.startActor("leaky", { enableModules, promises: { leaks: "error" } });
          error = yield* errorOf(portal.run(leaky.leavesRejections));
          after = yield* portal.run(leaky.rejectsNow);
          yield* portal.cancelActor();
        }),
      { logTo: (record) => void records.push(record) },
    );
    expect(error).toMatchObject({
      name: "PromiseLeaked",
      count: 1,
      left: [{ kind: "rejection that nobody awaits: Error: at once" }],
    });
    expect(after).toBe("rejected");
    expect(records).toMatchObject([{ event: "warning.UnawaitedRejection" }]);
    expect(records[0]?.message).toMatch(/"leaky\.ts\.leavesRejections".*late.*its promise was made.*leaky\.ts:\d+/s);
  });
});

describe("in a root", () => {
  it("a rejection of a watched task is a leak, and one of the program's own ends it as ever", async () => {
    const program = new URL("./fixtures/leaky-program.ts", import.meta.url).pathname;
    const watched = await runProgram(program, { args: ["watched"] });
    expect(watched).toMatchObject({
      code: 0,
      stdout: "PromiseLeaked rejection that nobody awaits: Error: of the task\n",
    });
    const own = await runProgram(program, { args: ["own"] });
    expect(own.code).not.toBe(0);
    expect(own.stderr).toContain("Error: of the program");
  });
});

/** Run a promise task in a root of its own; what it came to, and what was logged. */
function* logged(start: () => Promise<unknown>, leaks: LinkedTaskOptions["leaks"]) {
  const records: LogRecord[] = [];
  const outcome = yield* openRootActor(
    function* (): Operation<unknown> {
      try {
        return yield* runTask(start, {}, { leaks });
      } catch (error) {
        return error;
      }
    },
    { logTo: (record) => void records.push(record) },
  );
  return { records, outcome };
}

const later = (fn: () => void) => void setTimeout(fn, 50).unref();
