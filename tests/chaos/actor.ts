/**
 * What every actor of a round runs, the root included: it starts its children, holds its dialogs with them, does the
 * faults that are its own, and writes down what becomes of it. The plan comes by the environment, as there are faults
 * that happen before anybody could be told anything.
 */
import { readFileSync } from "node:fs";
import type { Operation } from "effection";
import {
  ActorDied,
  type ActorNursery,
  ActorSpawnError,
  ActorTooSlowError,
  type Context,
  ContextCancelled,
  context,
  Event,
  ExceptionGroup,
  each,
  isCancelled,
  type Nursery,
  openActorNursery,
  openNursery,
  type Portal,
  producer,
  RemoteActorError,
  type SendStream,
  sleep,
  TransportClosed,
} from "espalier";
import { LOG_VARIABLE, PLAN_VARIABLE } from "./environment.ts";
import { doInside, doToLink, watchLinks } from "./faults.ts";
import { type ActorPlan, allActors, type DialogPlan, type Fault, type Plan, parentOf, type Stage } from "./plan.ts";
import { RoundLog, type SeenError } from "./round-log.ts";

const SELF_VARIABLE = "ESPALIER_CHAOS_ACTOR";

/** Longer than a healthy actor takes on a machine with all cores busy; see `verdict.ts`. */
const TEARDOWN = { ackMs: 2_000, unwindMs: 5_000, termMs: 300 };
const SPAWN_TIMEOUT_MS = 15_000;

/** Something that must not be, whatever was done to whom. */
class Violation extends Error {
  override readonly name = "Violation";
}

const plan: Plan = JSON.parse(readFileSync(process.env[PLAN_VARIABLE] ?? "", "utf8"));
const log = new RoundLog(process.env[LOG_VARIABLE] ?? "");
const self = process.env[SELF_VARIABLE] ?? plan.root.name;
const own = allActors(plan.root).find((actor) => actor.name === self);
if (own === undefined) throw new Error(`the plan has no actor ${self}`);
const me: ActorPlan = own;

/** Makes the work of this actor fail, once there is any. */
let fail: ((error: Error) => void) | undefined;

enter("importing");
watchLinks((link, env) => {
  for (const fault of plan.faults) {
    if (fault.target === env[SELF_VARIABLE] && parentOf(fault.target) === self) {
      setTimeout(() => doToLink(fault, link, log), fault.delayMs).unref();
    }
  }
});

/** Write down that this actor has come to `stage`, and do to it what the plan says for that. */
function enter(stage: Stage): void {
  log.add({ what: stage, name: self, pid: process.pid });
  for (const fault of plan.faults) {
    if (fault.target !== self || fault.after.stage !== stage || fault.after.name !== self) continue;
    if (stage === "importing" && fault.delayMs === 0) doInside(fault, log, throwIt);
    else setTimeout(() => doLater(fault), fault.delayMs).unref();
  }
}

/** From a timer: what is thrown there before there is any work is caught by nobody. */
function doLater(fault: Fault): void {
  if (fault.kind === "throw" && fail === undefined) doInside({ ...fault, kind: "uncaught" }, log, throwIt);
  else doInside(fault, log, fail ?? throwIt);
}

function throwIt(error: Error): never {
  throw error;
}

/** The work of the root: until the time that the plan gives it is over. */
export function* workAsRoot(): Operation<void> {
  const isUp = new Event("the tree is up");
  const isOver = new Event("end of the round");
  yield* openNursery(function* (n) {
    n.startSoon(function* () {
      if (!plan.hurried) yield* isUp.wait();
      yield* sleep(plan.workMs);
      isOver.set();
    });
    yield* work(n, isUp, isOver);
  });
}

/** The work of any other actor: until its parent leaves its side of the stream. Started once all below it is up. */
export const branch = context(function* (ctx: Context<{ started: number; receive: never }>): Operation<void> {
  const isUp = new Event(`${self} is up`);
  const isOver = new Event(`end of ${self}`);
  yield* openNursery(function* (n) {
    n.startSoon(function* () {
      yield* isUp.wait();
      yield* ctx.started(process.pid);
      yield* ctx.openStream(function* (stream) {
        for (const _ of yield* each(stream)) yield* each.next();
      });
      isOver.set();
    });
    yield* work(n, isUp, isOver);
  });
});

function* work(n: Nursery, isUp: Event, isOver: Event): Operation<void> {
  const failed = new Event(`a fault of ${self}`);
  let error: Error | undefined;
  fail = (thrown) => {
    error = thrown;
    failed.set();
  };
  n.startSoon(function* () {
    yield* failed.wait();
    throw error;
  });
  enter("working");
  yield* tendChildren(isUp, isOver);
  // As far as it will ever be, if they failed.
  isUp.set();
  yield* isOver.wait();
  n.cancelScope.cancel("it is over");
}

/** Start the children, and hold the dialogs with them, until it is over. */
function* tendChildren(isUp: Event, isOver: Event): Operation<void> {
  let cancelled: unknown;
  let errors: readonly unknown[] = [];
  try {
    yield* openActorNursery(
      function* (an) {
        yield* openNursery(function* (n) {
          let missing = me.children.length;
          const oneIsUp = () => {
            if (--missing <= 0) isUp.set();
          };
          if (missing === 0) isUp.set();
          for (const child of me.children) n.startSoon(() => tend(an, child, oneIsUp, isOver));
          yield* isOver.wait();
          enter("ending");
          if (plan.ending === "cancel") an.cancelScope.cancel("the round is over");
        });
      },
      { teardown: TEARDOWN },
    );
  } catch (error) {
    const group = error instanceof ExceptionGroup ? error : new ExceptionGroup("left", [error]);
    const [halted, rest] = group.split(isCancelled);
    cancelled = halted === null ? undefined : error;
    errors = rest === null ? [] : rest.leaves();
  }
  log.add({
    what: "outcome",
    name: self,
    cancelled: cancelled !== undefined,
    errors: errors.flatMap((error) => seen(error)),
  });
  if (cancelled !== undefined) throw cancelled;
  if (errors.length > 0 && !me.contains) throw new ExceptionGroup(`children of ${self} failed`, errors);
}

function* tend(an: ActorNursery, child: ActorPlan, isUp: () => void, isOver: Event): Operation<void> {
  yield* sleep(child.delayMs);
  if (isOver.isSet) return isUp();
  log.add({ what: "spawning", name: child.name, pid: process.pid });
  const portal = yield* an.startActor(child.name, {
    enableModules: [import.meta.url],
    env: { [SELF_VARIABLE]: child.name },
    spawnTimeoutMs: SPAWN_TIMEOUT_MS,
  });
  yield* portal.openContext(branch, {}, function* (ctx) {
    isUp();
    yield* ctx.openStream(function* () {
      yield* openNursery(function* (n) {
        for (const dialog of child.dialogs) n.startSoon(() => hold(portal, dialog));
        yield* isOver.wait();
        n.cancelScope.cancel("the round is over");
      });
    });
  });
  yield* portal.cancelActor();
}

// ------------------------------------------------------------------------------------------------------- dialogs

export function* double({ n }: { n: number }): Operation<number> {
  yield* sleep(n % 3);
  return 2 * n;
}

export const echoes = context(function* (ctx: Context<{ send: number; receive: number }>): Operation<void> {
  yield* ctx.started();
  yield* ctx.openStream(function* (stream) {
    for (const item of yield* each(stream)) {
      yield* stream.send(item);
      yield* each.next();
    }
  });
});

export const counts = context(function* (ctx: Context<{ send: number }>): Operation<void> {
  yield* ctx.started();
  yield* ctx.openStream(function* (stream) {
    for (let n = 0; ; n++) yield* stream.send(n);
  });
});

export const checks = context(function* (
  ctx: Context<{ receive: number }>,
  { gapMs, capacity }: { gapMs: number; capacity: number },
): Operation<void> {
  yield* ctx.started();
  yield* ctx.openStream(
    function* (stream) {
      let next = 0;
      for (const item of yield* each(stream)) {
        if (item !== next++) throw new Violation(`uploaded ${item} where ${next - 1} was due`);
        if (gapMs > 0) yield* sleep(gapMs);
        yield* each.next();
      }
    },
    { capacity },
  );
});

export const numbers = producer(function* (out: SendStream<number>): Operation<void> {
  for (let n = 0; ; n++) yield* out.send(n);
});

/** Go on with a dialog until it is cancelled, or broken. */
function* hold(portal: Portal, { kind, gapMs, capacity }: DialogPlan): Operation<void> {
  switch (kind) {
    case "calls":
      for (let n = 0; ; n++) {
        const result = yield* portal.run(double, { n });
        if (result !== 2 * n) throw new Violation(`twice ${n} is ${result}`);
        yield* sleep(gapMs);
      }
    case "echo":
      return yield* portal.openContext(echoes, {}, (ctx) =>
        ctx.openStream(function* (stream) {
          for (let n = 0; ; n++) {
            yield* stream.send(n);
            const back = yield* stream.receive();
            if (back !== n) throw new Violation(`${n} came back as ${back}`);
            yield* sleep(gapMs);
          }
        }),
      );
    case "download":
      return yield* portal.openContext(counts, {}, (ctx) =>
        ctx.openStream((stream) => readInOrder(stream, gapMs), { capacity }),
      );
    case "upload":
      return yield* portal.openContext(checks, { gapMs, capacity }, (ctx) =>
        ctx.openStream(function* (stream) {
          for (let n = 0; ; n++) yield* stream.send(n);
        }),
      );
    case "producer":
      return yield* portal.openStreamFrom(numbers, {}, (stream) => readInOrder(stream, gapMs), { capacity });
    case "subscribers":
      return yield* portal.openStreamFrom(
        numbers,
        {},
        (stream) =>
          openNursery<void>(function* (n) {
            for (const gap of [0, gapMs, 7]) {
              n.startSoon(() =>
                stream.subscribe(
                  function* (subscriber) {
                    let last = -1;
                    for (;;) {
                      const item = yield* subscriber.receive();
                      if (item <= last) throw new Violation(`a subscriber got ${item} after ${last}`);
                      last = item;
                      yield* sleep(gap);
                    }
                  },
                  { onLag: "skip" },
                ),
              );
            }
          }),
        { capacity },
      );
  }
}

function* readInOrder(stream: { receive(): Operation<number> }, gapMs: number): Operation<void> {
  for (let next = 0; ; next++) {
    const item = yield* stream.receive();
    if (item !== next) throw new Violation(`received ${item} where ${next} was due`);
    if (gapMs > 0 || next % 100 === 0) yield* sleep(gapMs);
  }
}

// -------------------------------------------------------------------------------------------------------- errors

/** What of an error is of interest to the verdict: the classes, and whom they name; without wrapping. */
function seen(error: unknown): SeenError[] {
  if (error instanceof ExceptionGroup) return error.errors.flatMap((inner) => seen(inner));
  if (!(error instanceof Error)) return [{ type: typeof error, message: String(error) }];
  if (error instanceof RemoteActorError) {
    if (error.boxed instanceof ExceptionGroup) return seen(error.boxed);
    return [{ type: error.remoteName, actor: error.srcActor.name, message: error.remoteMessage }];
  }
  return [{ type: error.name, actor: actorIn(error), message: error.message }];
}

function actorIn(error: Error): string | undefined {
  if (error instanceof ActorDied || error instanceof ActorTooSlowError) return error.actor.name;
  if (error instanceof ActorSpawnError) return error.actorName;
  if (error instanceof ContextCancelled) return error.canceller.name;
  if (error instanceof TransportClosed) return error.peer?.name;
  return undefined;
}
