/**
 * A program whose root can be killed at any moment: `node orphan-program.ts <what> [log]`. Its child does `what`, and says
 * so on stdout where there is something to say.
 */
import { appendFileSync, writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { Operation } from "effection";
import {
  type Context,
  context,
  Event,
  openActorNursery,
  openNursery,
  type Portal,
  runMain,
  shielded,
  sleep,
  sleepForever,
} from "espalier";

const here = import.meta.url;
const [, , what = "", log = "/dev/null"] = process.argv;

/** At once: whatever else writes to stdout waits for a turn of the event loop. */
const say = (text: string) => void writeSync(1, `${text}\n`);

if (process.env.ORPHAN_IMPORT === "stuck") {
  say("child is stuck while it is imported");
  for (;;);
}

export function* stuck(): Operation<void> {
  say("child is stuck");
  for (;;);
}

/** Stopped at a breakpoint, by a debugger that runs in the same process. */
export function* paused(): Operation<void> {
  new Worker(
    `const { Session } = require("node:inspector");
     const session = new Session();
     session.connectToMainThread();
     session.on("Debugger.paused", () => require("node:fs").writeSync(1, "child is paused\\n"));
     session.post("Debugger.enable");
     session.post("Debugger.pause");
     setInterval(() => {}, 1_000);`,
    { eval: true },
  );
  for (;;) yield* sleep(1);
}

/** Hears of everything, and goes on. */
export function* stubborn(): Operation<void> {
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT", "SIGUSR2"] as const) process.on(signal, () => {});
  process.on("uncaughtException", () => {});
  setInterval(() => {}, 1_000);
  process.on("exit", () => say("child leaves"));
  say("child ignores everything");
  for (;;) yield* shielded(() => sleep(1_000));
}

export function* idle(): Operation<void> {
  say(`child ${process.pid} is idle`);
  yield* sleepForever();
}

/** A chain of actors, the deepest of which does `what`. */
export function* chain({ depth, last }: { depth: number; last: "stuck" | "idle" }): Operation<void> {
  if (depth === 0) return yield* last === "stuck" ? stuck() : idle();
  yield* openActorNursery(function* (an) {
    const portal: Portal = yield* an.startActor(`level${depth}`, { enableModules: [here] });
    yield* portal.run(chain, { depth: depth - 1, last });
  });
}

/** Starts grandchildren one after the other, and writes down each before it does. */
export function* breeds({ log }: { log: string }): Operation<void> {
  say(`child ${process.pid} breeds`);
  yield* openActorNursery(function* (an) {
    for (let i = 0; ; i++) {
      appendFileSync(log, `${i}\n`);
      yield* an.startActor(`grandchild${i}`, { enableModules: [here] });
    }
  });
}

export const streams = context(function* (ctx: Context<{ send: number }>): Operation<void> {
  yield* ctx.started();
  yield* ctx.openStream(function* (stream) {
    for (let i = 0; ; i++) yield* stream.send(i);
  });
});

const unwindable = new Event("something to unwind");
export const isUnwindable = function* (): Operation<void> {
  yield* unwindable.wait();
};

export function* unwindsSlowly(): Operation<void> {
  try {
    unwindable.set();
    yield* sleepForever();
  } finally {
    say("child unwinds");
    yield* shielded(() => sleep(60_000));
  }
}

const RUNS = { stuck, paused, stubborn, idle } as const;

runMain(import.meta, function* () {
  say("root is up");
  yield* openActorNursery(function* (an) {
    const execArgv = what === "inspect-brk" ? ["--inspect-brk=127.0.0.1:0"] : [];
    const env = what === "stuck on import" ? { ORPHAN_IMPORT: "stuck" } : {};
    const portal = yield* an.startActor("child", { enableModules: [here], execArgv, env });
    if (what in RUNS) yield* portal.run(RUNS[what as keyof typeof RUNS]);
    else if (what === "breeds") yield* portal.run(breeds, { log });
    else if (what === "chain idle") yield* portal.run(chain, { depth: 3, last: "idle" });
    else if (what === "chain stuck") yield* portal.run(chain, { depth: 3, last: "stuck" });
    else if (what === "unwinds") {
      yield* openNursery(function* (n) {
        n.startSoon(() => portal.run(unwindsSlowly));
        yield* portal.run(isUnwindable);
        an.cancelScope.cancel("enough");
      });
    } else if (what === "streams") {
      yield* portal.openContext(streams, {}, (ctx) =>
        ctx.openStream(function* (stream) {
          for (;;) if ((yield* stream.receive()) === 1_000) say("child streams");
        }),
      );
    }
  });
});
