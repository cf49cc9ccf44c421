/** Each operation of Effection's own inside our tasks, and ours inside Effection's. */
import {
  action,
  all,
  allSettled,
  call,
  createChannel,
  createContext,
  createQueue,
  createScope,
  createSignal,
  each,
  ensure,
  interval,
  lift,
  type Operation,
  on,
  once,
  race,
  resource,
  run as runInEffection,
  type Stream,
  scoped,
  sleep as sleepInEffection,
  spawn,
  suspend,
  until,
  useAbortSignal,
  using,
  withResolvers,
} from "effection";
import { isCancelled } from "../../core/errors/mod.ts";
import { ExceptionGroup } from "../../core/exception-group.ts";
import { rootTasks } from "../../core/sc/bridge.ts";
import {
  CancelScope,
  checkpoint,
  currentTime,
  Event,
  moveOnAfter,
  openMemoryChannel,
  openNursery,
  run,
  shielded,
  sleepForever,
  VirtualClock,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf } from "./outcomes.ts";

class Boom extends Error {}
const boom = () => {
  throw new Boom("boom");
};
function* value<T>(it: T): Operation<T> {
  yield* checkpoint();
  return it;
}
function* failing(): Operation<never> {
  yield* checkpoint();
  return boom();
}
function* useThing(log: string[], init: () => Operation<unknown> = () => value(0)): Operation<string> {
  return yield* resource<string>(function* (provide) {
    yield* init();
    yield* ensure(() => {
      log.push("thing closed");
    });
    yield* provide("thing");
  });
}
function* firstOf<T>(stream: Stream<T, unknown>, feed: () => void): Operation<T | undefined> {
  yield* spawn(function* () {
    yield* waitAllTasksBlocked();
    feed();
  });
  for (const item of yield* each(stream)) return item;
  return undefined;
}
const never = () => new Promise<never>(() => {});

interface Row {
  readonly name: string;
  /** Runs to its end and gives "value". */
  readonly runs: (log: string[]) => Operation<unknown>;
  /** Throws a Boom. */
  readonly fails: (log: string[]) => Operation<unknown>;
  /** Waits for ever. */
  readonly waits: (log: string[]) => Operation<unknown>;
  /** What its clean-up logs when it is cancelled. */
  readonly cleans?: string[];
}

const channel = createChannel<string, void>();
const signal = createSignal<string, void>();
const queue = (items: string[]) => {
  const q = createQueue<string, void>();
  for (const item of items) q.add(item);
  return q;
};
const target = () => {
  const it = new EventTarget();
  setImmediate(() => it.dispatchEvent(Object.assign(new globalThis.Event("x"), { detail: "value" })));
  return it;
};

const ROWS: Row[] = [
  {
    name: "sleep",
    runs: function* () {
      yield* sleepInEffection(0);
      return "value";
    },
    fails: function* () {
      yield* sleepInEffection(0);
      boom();
    },
    waits: () => sleepInEffection(1e8),
  },
  {
    name: "until",
    runs: () => until(Promise.resolve("value")),
    fails: () => until(Promise.reject(new Boom())),
    waits: () => until(never()),
  },
  {
    name: "call of an async function",
    runs: () => call(async () => "value"),
    fails: () => call(async () => boom()),
    waits: () => call(never),
  },
  {
    name: "call of an operation",
    runs: () => call(() => value("value")),
    fails: () => call(failing),
    waits: () => call(suspend),
  },
  {
    name: "call of a plain function",
    runs: () => call(() => "value"),
    fails: () => call(boom),
    waits: () =>
      call(function* () {
        yield* suspend();
      }),
  },
  { name: "lift", runs: () => lift(() => "value")(), fails: () => lift(boom)(), waits: suspend },
  {
    name: "action",
    runs: () =>
      action((resolve) => {
        const timer = setImmediate(() => resolve("value"));
        return () => clearImmediate(timer);
      }),
    fails: () =>
      action((_, reject) => {
        const timer = setImmediate(() => reject(new Boom()));
        return () => clearImmediate(timer);
      }),
    waits: (log) => action(() => () => log.push("undone")),
    cleans: ["undone"],
  },
  {
    name: "withResolvers",
    runs: () => {
      const w = withResolvers<string>();
      setImmediate(() => w.resolve("value"));
      return w.operation;
    },
    fails: () => {
      const w = withResolvers<string>();
      setImmediate(() => w.reject(new Boom()));
      return w.operation;
    },
    waits: () => withResolvers<string>().operation,
  },
  {
    name: "race",
    runs: () => race([suspend(), value("value")]),
    fails: () => race([suspend(), failing()]),
    waits: () => scoped(() => race([suspend(), sleepForever()])),
  },
  {
    name: "all",
    runs: function* () {
      return (yield* all([value("va"), value("lue")])).join("");
    },
    fails: () => all([value(1), failing()]),
    waits: () => scoped(() => all([value(1), suspend()])),
  },
  {
    name: "allSettled",
    runs: function* () {
      const [a] = yield* allSettled([value("value"), failing()]);
      return a?.ok === true ? a.value : undefined;
    },
    fails: function* () {
      const [, b] = yield* allSettled([value("value"), failing()]);
      if (b?.ok === false) throw b.error;
    },
    waits: () => scoped(() => allSettled([suspend()])),
  },
  {
    name: "scoped",
    runs: () => scoped(() => value("value")),
    fails: () => scoped(failing),
    waits: () => scoped(suspend),
  },
  {
    name: "spawn",
    runs: function* () {
      return yield* yield* spawn(() => value("value"));
    },
    fails: () =>
      scoped(function* () {
        yield* yield* spawn(failing);
      }),
    waits: function* (log) {
      yield* spawn(function* () {
        yield* ensure(() => {
          log.push("spawned one halted");
        });
        yield* suspend();
      });
      yield* suspend();
    },
    cleans: ["spawned one halted"],
  },
  {
    name: "resource",
    runs: function* (log) {
      return (yield* useThing(log)) === "thing" ? "value" : undefined;
    },
    fails: (log) => scoped(() => useThing(log, failing)),
    waits: function* (log) {
      yield* useThing(log);
      yield* suspend();
    },
    cleans: ["thing closed"],
  },
  {
    name: "resource that waits before it provides",
    runs: function* (log) {
      return (yield* useThing(log, () => sleepInEffection(0))) === "thing" ? "value" : undefined;
    },
    fails: (log) => scoped(() => useThing(log, () => until(Promise.reject(new Boom())))),
    waits: (log) => useThing(log, suspend),
  },
  {
    name: "ensure",
    runs: function* () {
      yield* ensure(function* () {
        yield* checkpoint();
      });
      return "value";
    },
    fails: function* () {
      yield* ensure(function* () {
        yield* checkpoint();
      });
      yield* failing();
    },
    waits: function* (log) {
      yield* ensure(function* () {
        yield* checkpoint();
        log.push("ensured");
      });
      yield* suspend();
    },
    cleans: ["ensured"],
  },
  {
    name: "using",
    runs: function* (log) {
      yield* using({
        [Symbol.dispose]: () => {
          log.push("disposed");
        },
      });
      return "value";
    },
    fails: function* (log) {
      yield* using({
        [Symbol.dispose]: () => {
          log.push("disposed");
        },
      });
      boom();
    },
    waits: function* (log) {
      yield* using({
        [Symbol.dispose]: () => {
          log.push("disposed");
        },
      });
      yield* suspend();
    },
    cleans: ["disposed"],
  },
  {
    name: "useAbortSignal",
    runs: function* () {
      return (yield* useAbortSignal()).aborted ? undefined : "value";
    },
    fails: function* () {
      yield* useAbortSignal();
      boom();
    },
    waits: function* (log) {
      (yield* useAbortSignal()).addEventListener("abort", () => log.push("aborted"));
      yield* suspend();
    },
    cleans: ["aborted"],
  },
  {
    name: "createChannel",
    runs: () => firstOf(channel, () => void runInEffection(() => channel.send("value"))),
    fails: function* () {
      yield* firstOf(channel, () => void runInEffection(() => channel.send("value")));
      boom();
    },
    waits: () => firstOf(channel, () => {}),
  },
  {
    name: "createSignal",
    runs: () => firstOf(signal, () => signal.send("value")),
    fails: function* () {
      yield* firstOf(signal, () => signal.send("value"));
      boom();
    },
    waits: () => firstOf(signal, () => {}),
  },
  {
    name: "createQueue",
    runs: function* () {
      return (yield* queue(["value"]).next()).value;
    },
    fails: function* () {
      yield* queue(["value"]).next();
      boom();
    },
    waits: () => queue([]).next(),
  },
  {
    name: "each over a channel of ours",
    runs: function* () {
      const [tx, rx] = openMemoryChannel<string>(1);
      return yield* firstOf(rx, () => tx.sendNowait("value"));
    },
    fails: function* () {
      const [tx, rx] = openMemoryChannel<string>(1);
      yield* firstOf(rx, () => tx.sendNowait("value"));
      boom();
    },
    waits: () => firstOf(openMemoryChannel<string>(1)[1], () => {}),
  },
  {
    name: "on",
    runs: function* () {
      const events = yield* on(target(), "x");
      return ((yield* events.next()).value as unknown as { detail: string }).detail;
    },
    fails: function* () {
      yield* on(target(), "x");
      boom();
    },
    waits: function* () {
      yield* (yield* on(new EventTarget(), "x")).next();
    },
  },
  {
    name: "once",
    runs: function* () {
      return ((yield* once(target(), "x")) as unknown as { detail: string }).detail;
    },
    fails: function* () {
      yield* once(target(), "x");
      boom();
    },
    waits: () => once(new EventTarget(), "x"),
  },
  {
    name: "interval",
    runs: function* () {
      yield* firstOf(interval(1), () => {});
      return "value";
    },
    fails: function* () {
      yield* firstOf(interval(1), () => {});
      boom();
    },
    waits: () => firstOf(interval(1e8), () => {}),
  },
];

describe("Effection's operations inside our tasks", () => {
  it.each(ROWS)("$name runs", function* ({ runs }) {
    const log: string[] = [];
    let result: unknown;
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        result = yield* runs(log);
      });
    });
    expect(result).toBe("value");
  });

  it.each(ROWS)("$name fails", function* ({ fails }) {
    const log: string[] = [];
    const error = yield* outcomeOf(
      openNursery(function* (n) {
        n.startSoon(() => fails(log));
      }),
    );
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).leaves()).toEqual([expect.any(Boom)]);
  });

  it.each(ROWS)("$name is cancelled while it waits, and cleans up before the nursery ends", function* (row) {
    const log: string[] = [];
    const scope = yield* openNursery(function* (n) {
      n.startSoon(() => row.waits(log));
      yield* waitAllTasksBlocked();
      expect(log).toEqual([]);
      n.cancelScope.cancel();
      return n.cancelScope;
    });
    expect(scope.cancelledCaught).toBe(true);
    expect(log).toEqual(row.cleans ?? []);
  });

  it.each(ROWS)("$name is left by a scope inside the task, which goes on", function* (row) {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        const scope = new CancelScope();
        setImmediate(() => scope.cancel());
        yield* scope.run(() => scoped(() => row.waits(log)));
        expect(scope.cancelledCaught).toBe(true);
        expect(log).toEqual(row.cleans ?? []);
        yield* checkpoint();
        log.push("went on");
      });
    });
    expect(log).toEqual([...(row.cleans ?? []), "went on"]);
  });

  it("contexts are inherited from the task that opened the nursery", function* () {
    const context = createContext<string>("test.context");
    yield* context.set("outer");
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        expect(yield* context.expect()).toBe("outer");
        yield* context.set("inner");
        expect(yield* context.expect()).toBe("inner");
      });
    });
    expect(yield* context.expect()).toBe("outer");
  });
});

describe("our operations inside Effection's tasks", () => {
  const OURS: [name: string, waits: (cleanUp: () => Operation<void>) => Operation<unknown>][] = [
    ["openNursery, in its body", (cleanUp) => openNursery(() => finallyDo(cleanUp))],
    [
      "openNursery, in a task",
      (cleanUp) =>
        openNursery(function* (n) {
          n.startSoon(() => finallyDo(cleanUp));
        }),
    ],
    ["moveOnAfter", (cleanUp) => moveOnAfter(1e8, () => finallyDo(cleanUp))],
    ["CancelScope.run", (cleanUp) => new CancelScope().run(() => finallyDo(cleanUp))],
    ["a nursery in a nursery", (cleanUp) => openNursery(() => openNursery(() => finallyDo(cleanUp)))],
  ];

  function* finallyDo(cleanUp: () => Operation<void>): Operation<void> {
    try {
      yield* sleepForever();
    } finally {
      yield* shielded(cleanUp);
    }
  }

  it.each(OURS)("%s: halt outside is cancel inside, and the halt waits for the clean-up", async (_name, waits) => {
    const log: string[] = [];
    const go = new Event();
    const roots = rootTasks().size;
    const task = runInEffection(() =>
      waits(function* () {
        log.push("cleaning up");
        yield* go.wait();
        log.push("cleaned up");
      }),
    );
    await run(() => waitAllTasksBlocked());
    const halted = task.halt().then(() => log.push("halted"));
    await run(() => waitAllTasksBlocked());
    expect(log).toEqual(["cleaning up"]);
    go.set();
    await halted;
    expect(log).toEqual(["cleaning up", "cleaned up", "halted"]);
    expect(rootTasks().size).toBe(roots);
  });

  it("give their value, and throw their error", async () => {
    expect(await runInEffection(() => openNursery(() => value(1)))).toBe(1);
    expect(await runInEffection(() => moveOnAfter(0, sleepForever))).toBeUndefined();
    await expect(runInEffection(() => openNursery(failing))).rejects.toBeInstanceOf(ExceptionGroup);
  });

  it("an error of the clean-up comes out of the halt, alone", async () => {
    const task = runInEffection(() =>
      openNursery(function* (n) {
        n.startSoon(() => finallyDo(failing));
        n.startSoon(sleepForever);
        yield* sleepForever();
      }),
    );
    await run(() => waitAllTasksBlocked());
    const error = await task.halt().then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).leaves()).toEqual([expect.any(Boom)]);
  });

  it("plain waits work and can be halted", async () => {
    const event = new Event();
    const log: string[] = [];
    const task = runInEffection(function* () {
      yield* checkpoint();
      log.push(typeof (yield* currentTime()));
      yield* event.wait();
    });
    await run(() => waitAllTasksBlocked());
    await task.halt();
    expect(log).toEqual(["number"]);
    expect(event.statistics().tasksWaiting).toBe(0);
  });

  it("checkpoint() lets others run, timers included", async () => {
    let over = false;
    setTimeout(() => {
      over = true;
    }, 0);
    await runInEffection(function* () {
      while (!over) yield* checkpoint();
    });
    expect(over).toBe(true);
  });

  it("an Effection task within a task of ours is at the border again: its halt is a cancel of its own tree", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        const inner = yield* spawn(() =>
          openNursery(function* () {
            try {
              yield* sleepForever();
            } catch (error) {
              log.push(isCancelled(error) ? error.source : "?");
              throw error;
            }
          }),
        );
        yield* waitAllTasksBlocked();
        yield* inner.halt();
        log.push("halted");
      });
    });
    expect(log).toEqual(["host", "halted"]);
  });

  it("a tree goes by the clock of its Effection scope", async () => {
    const clock = new VirtualClock({ autojump: true });
    const { ClockContext } = await import("../../core/sc/clock.ts");
    await runInEffection(function* () {
      yield* ClockContext.set(clock);
      yield* moveOnAfter(3_600_000, sleepForever);
      yield* sleepInTree();
    });
    expect(clock.now()).toBe(3_600_000);
  });

  function* sleepInTree(): Operation<void> {
    yield* openNursery(function* () {
      expect(yield* currentTime()).toBe(3_600_000);
    });
  }

  it("a nursery in a resource, as Effection people make them, is cancelled when its owner exits", async () => {
    const log: string[] = [];
    const useWorker = () =>
      resource<string>(function* (provide) {
        yield* openNursery(function* (n) {
          n.startSoon(function* () {
            try {
              yield* sleepForever();
            } finally {
              log.push("worker unwound");
            }
          });
          yield* provide("ready");
        });
      });
    await runInEffection(function* () {
      log.push(yield* useWorker());
    });
    expect(log).toEqual(["ready", "worker unwound"]);
  });

  it("createScope().run of our operations", async () => {
    const scope = createScope();
    const [, destroy] = scope;
    const log: string[] = [];
    const task = scope.run(() =>
      openNursery(() =>
        finallyDo(function* () {
          log.push("unwound");
        }),
      ),
    );
    task.catch(() => {});
    await run(() => waitAllTasksBlocked());
    await destroy();
    expect(log).toEqual(["unwound"]);
  });
});
