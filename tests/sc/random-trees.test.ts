/**
 * Random trees of nurseries, scopes, shields, deadlines, channels and failures, in random run orders, held against a
 * model that knows the rules and nothing of how they are kept. A failure prints its seed and the smallest tree;
 * `ESPALIER_TEST_SEED=<seed>` tries other ones.
 */
import type { Operation } from "effection";
import fc from "fast-check";
import { isCancelled } from "../../core/errors/mod.ts";
import { ExceptionGroup } from "../../core/exception-group.ts";
import {
  CancelScope,
  checkpoint,
  openMemoryChannel,
  openNursery,
  run,
  shuffleRunOrder,
  sleep,
  VirtualClock,
} from "../../core/sc/mod.ts";
import { expect, it } from "../support/it.ts";

type Tree =
  | { readonly op: "checkpoint" | "fail" | "send" | "receive" }
  | { readonly op: "sleep"; readonly ms: number }
  | { readonly op: "cancel"; readonly levels: number }
  | { readonly op: "sequence"; readonly parts: readonly Tree[] }
  | { readonly op: "scope"; readonly timeout: number | undefined; readonly shield: boolean; readonly body: Tree }
  | { readonly op: "nursery"; readonly body: Tree; readonly tasks: readonly Tree[] }
  | { readonly op: "finally"; readonly body: Tree; readonly cleanUp: Tree };

const { tree } = fc.letrec<{ tree: Tree; leaf: Tree; branch: Tree }>((tie) => ({
  tree: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie("leaf"), tie("branch")),
  leaf: fc.oneof(
    { weight: 2, arbitrary: fc.record({ op: fc.constantFrom("checkpoint", "send", "receive") }) as fc.Arbitrary<Tree> },
    { weight: 1, arbitrary: fc.constant<Tree>({ op: "fail" }) },
    { weight: 3, arbitrary: fc.record({ op: fc.constant("sleep" as const), ms: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("cancel" as const), levels: fc.nat(3) }) },
  ),
  branch: fc.oneof(
    fc.record({ op: fc.constant("sequence" as const), parts: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }) }),
    fc.record({
      op: fc.constant("scope" as const),
      timeout: fc.option(fc.nat(20), { nil: undefined }),
      shield: fc.boolean(),
      body: tie("tree"),
    }),
    fc.record({
      op: fc.constant("nursery" as const),
      body: tie("tree"),
      tasks: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ op: fc.constant("finally" as const), body: tie("tree"), cleanUp: tie("tree") }),
  ),
}));

/** Where a task stands, as the model sees it. */
interface Place {
  readonly scope: CancelScope;
  readonly shield: boolean;
  readonly outer: Place | undefined;
}

function isEffective(place: Place | undefined): boolean {
  for (let at = place; at !== undefined; at = at.shield ? undefined : at.outer) {
    if (at.scope.cancelCause !== undefined) return true;
  }
  return false;
}

/** What one run has seen and must answer for. */
class Model {
  readonly broken: string[] = [];
  readonly thrown: Error[] = [];
  readonly offered = new Set<number>();
  readonly sent = new Set<number>();
  readonly received = new Set<number>();
  readonly channel = openMemoryChannel<number>(1);
  #lastItem = 0;

  check(holds: boolean, rule: string): void {
    if (!holds) this.broken.push(rule);
  }

  *perform(it: Tree, place: Place): Operation<void> {
    switch (it.op) {
      case "checkpoint":
        return yield* this.#wait(place, checkpoint());
      case "sleep":
        return yield* this.#wait(place, sleep(it.ms));
      case "send": {
        const item = ++this.#lastItem;
        this.offered.add(item);
        yield* this.#wait(place, this.channel[0].send(item));
        this.sent.add(item);
        return;
      }
      case "receive": {
        const item = yield* this.#wait(place, this.channel[1].receive());
        this.check(!this.received.has(item), `item ${item} was received twice`);
        this.received.add(item);
        return;
      }
      case "fail": {
        const error = new Error(`failure ${this.thrown.length}`);
        this.thrown.push(error);
        throw error;
      }
      case "cancel": {
        let at = place;
        for (let i = 0; i < it.levels && at.outer !== undefined; i++) at = at.outer;
        at.scope.cancel("by the tree");
        return;
      }
      case "sequence":
        for (const part of it.parts) yield* this.perform(part, place);
        return;
      case "scope":
        // What is shielded without a deadline could wait for ever.
        return yield* this.#scope(it.timeout ?? (it.shield ? 20 : undefined), it.shield, it.body, place);
      case "nursery":
        return yield* this.#nursery(it.body, it.tasks, place);
      case "finally":
        return yield* this.#finally(it.body, it.cleanUp, place);
    }
  }

  /** A wait throws Cancelled if, and only if, a cancellation is in effect. */
  *#wait<T>(place: Place, operation: Operation<T>): Operation<T> {
    const before = isEffective(place);
    let value: T;
    try {
      value = yield* operation;
    } catch (error) {
      this.check(isCancelled(error), `a wait threw ${String(error)}`);
      this.check(isEffective(place), "a wait was cancelled where no cancellation is in effect");
      throw error;
    }
    this.check(!before, "a wait went on though it was cancelled on arrival");
    return value;
  }

  *#scope(timeout: number | undefined, shield: boolean, body: Tree, outer: Place): Operation<void> {
    const scope = new CancelScope({ shield, ...(timeout !== undefined && { timeout }) });
    const place: Place = { scope, shield, outer };
    let left: { error: unknown; own: boolean } | undefined;
    const model = this;
    try {
      yield* scope.run(function* () {
        try {
          yield* model.perform(body, place);
        } catch (error) {
          left = { error, own: scope.cancelCause !== undefined && (shield || !isEffective(outer)) };
          throw error;
        }
      });
      this.check(left === undefined || onlyCancelled(left.error), "a scope swallowed a failure");
    } catch (error) {
      this.check(left !== undefined, "a scope threw of itself");
      if (left?.own === true) this.check(!holdsCancelled(error), "a scope let a Cancelled of its own pass");
      this.check(sameFailures(error, left?.error), "a scope lost or made failures");
    }
    const caught = left?.own === true && holdsCancelled(left.error);
    this.check(
      scope.cancelledCaught === caught,
      `cancelledCaught is ${scope.cancelledCaught}, and ought to be ${caught}`,
    );
    if (left === undefined) return;
    const rest = left.own ? failuresOf(left.error) : undefined;
    if (rest === undefined) throw left.error;
    if (rest.length > 0) throw new ExceptionGroup("rest", rest);
  }

  *#nursery(body: Tree, tasks: readonly Tree[], outer: Place): Operation<void> {
    let alive = 0;
    const model = this;
    try {
      yield* openNursery(function* (n) {
        const place: Place = { scope: n.cancelScope, shield: false, outer };
        for (const task of tasks) {
          n.startSoon(function* () {
            alive++;
            try {
              yield* model.perform(task, place);
            } finally {
              alive--;
            }
          });
        }
        alive++;
        try {
          yield* model.perform(body, place);
        } finally {
          alive--;
        }
      });
    } finally {
      this.check(alive === 0, "a task outlived its nursery");
    }
  }

  /** As `finally` with a shielded clean-up, but what both throw is kept. */
  *#finally(body: Tree, cleanUp: Tree, place: Place): Operation<void> {
    let left: { error: unknown } | undefined;
    try {
      yield* this.perform(body, place);
    } catch (error) {
      left = { error };
    }
    try {
      yield* this.#scope(20, true, cleanUp, place);
    } catch (error) {
      throw left === undefined ? error : new ExceptionGroup("body and clean-up", [left.error, error]);
    }
    if (left !== undefined) throw left.error;
  }
}

function leavesOf(error: unknown): unknown[] {
  return error instanceof ExceptionGroup ? error.leaves() : [error];
}
function failuresOf(error: unknown): unknown[] {
  return leavesOf(error).filter((e) => !isCancelled(e));
}
function holdsCancelled(error: unknown): boolean {
  return leavesOf(error).some(isCancelled);
}
function onlyCancelled(error: unknown): boolean {
  return leavesOf(error).every(isCancelled);
}
function sameFailures(a: unknown, b: unknown): boolean {
  const [x, y] = [new Set(failuresOf(a)), new Set(failuresOf(b))];
  return x.size === y.size && [...x].every((e) => y.has(e));
}

/** Virtual milliseconds after which what still waits (for an item that nobody sends) is cancelled. */
const AT_LAST_MS = 1_000;

async function holds(it: Tree, order: number): Promise<void> {
  const model = new Model();
  const clock = new VirtualClock({ autojump: true });
  const restore = shuffleRunOrder(order);
  let outcome: unknown;
  try {
    await run(
      function* () {
        const scope = new CancelScope({ timeout: AT_LAST_MS });
        yield* scope.run(() => model.perform(it, { scope, shield: false, outer: undefined }));
      },
      { clock },
    );
  } catch (error) {
    outcome = error;
  } finally {
    restore();
  }
  const failures = outcome === undefined ? [] : leavesOf(outcome);
  expect(model.broken).toEqual([]);
  expect(new Set(failures)).toEqual(new Set(model.thrown));
  expect(failures.length).toBe(model.thrown.length);
  expect(clock.nextTimer).toBe(Number.POSITIVE_INFINITY);
  const { currentBufferUsed, tasksWaitingReceive, tasksWaitingSend } = model.channel[0].statistics();
  expect([tasksWaitingReceive, tasksWaitingSend]).toEqual([0, 0]);
  expect([...model.received].filter((item) => !model.sent.has(item))).toEqual([]);
  expect(model.sent.size - model.received.size).toBe(currentBufferUsed);
}

it("no task outlives its nursery, no error is lost, nothing is both delivered and cancelled, scopes take their own", async () => {
  const seed = Number(process.env.ESPALIER_TEST_SEED ?? 20_261_121);
  await fc.assert(fc.asyncProperty(tree, fc.nat(), holds), { numRuns: 3_000, seed, timeout: 5_000 });
}, 60_000);
