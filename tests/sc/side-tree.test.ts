import { type Operation, type Result, run as runInEffection, type Scope, scoped, until, useScope } from "effection";
import { asGround, GroundContext, peek } from "../../core/sc/ground.ts";
import { ClockContext, openNursery, run, shielded, sleep, useVirtualClock, VirtualClock } from "../../core/sc/mod.ts";
import { SideTree } from "../../core/sc/side-tree.ts";
import { describe, expect, it } from "../support/it.ts";

function tree(log: string[]): SideTree<string> {
  return new SideTree("beside", (result) => log.push(said(result)));
}

function said(result: Result<string | undefined>): string {
  return result.ok ? `value ${result.value}` : `error ${result.error.message}`;
}

function* slowly(log: string[]): Operation<string> {
  try {
    yield* sleep(10);
    return "done";
  } finally {
    yield* shielded(() => sleep(5));
    log.push("unwound");
  }
}

function* ground(): Operation<Scope> {
  return (yield* peek(GroundContext)) as Scope;
}

describe("a tree beside", () => {
  it("outlives the task that started it, on the ground, and goes by its clock", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        yield* tree(log).start(yield* ground(), () => slowly(log));
      });
    });
    expect(log).toEqual([]);
    yield* sleep(20);
    expect(log).toEqual(["unwound", "value done"]);
  });

  it("is ended, and waited for, with the scope in which it was started", function* () {
    const log: string[] = [];
    yield* scoped(function* () {
      yield* tree(log).start(yield* useScope(), () => slowly(log));
    });
    expect(log).toEqual(["unwound", 'error "beside" was ended with the scope that it was in']);
  });

  it("is ended, and waited for, at the latest with the tree whose ground it is on", async () => {
    const log: string[] = [];
    await run(function* () {
      yield* tree(log).start(yield* ground(), () => slowly(log));
    });
    expect(log).toEqual(["unwound", 'error "beside" was ended with the scope that it was in']);
  });

  it("is cancelled by who holds it, whatever becomes of who started it", function* () {
    const log: string[] = [];
    const beside = tree(log);
    yield* beside.start(yield* ground(), () => slowly(log));
    beside.cancel("enough");
    yield* sleep(50);
    expect(log).toEqual(["unwound", "value undefined"]);
  });

  it("fails alone, and tells", function* () {
    const log: string[] = [];
    const fails = function* (): Operation<string> {
      yield* sleep(1);
      throw new Error("on its own");
    };
    yield* tree(log).start(yield* ground(), fails);
    yield* sleep(20);
    expect(log).toEqual(["error on its own"]);
  });

  it("goes by the clock of its scope where a plain Effection task has started it", async () => {
    const log: string[] = [];
    await runInEffection(function* () {
      const clock = new VirtualClock({ autojump: true });
      yield* ClockContext.set(clock);
      yield* tree(log).start(yield* useScope(), () => slowly(log));
      yield* until(run(() => sleep(60_000), { clock }));
    });
    expect(log).toEqual(["unwound", "value done"]);
  });
});

describe("the ground", () => {
  it("is that of the outermost tree, also below Effection's tasks", function* () {
    const outer = yield* ground();
    const scope = yield* useScope();
    expect(yield* scope.run(() => openNursery(ground))).toBe(outer);
    expect(yield* scope.run(ground)).toBe(outer);
  });

  it("is another one for what is to stand by itself", function* () {
    const outer = yield* ground();
    const inner = yield* asGround(() => openNursery(ground));
    expect(inner).not.toBe(outer);
    expect(yield* ground()).toBe(outer);
  });

  it("is not there in a plain Effection task", async () => {
    expect(await runInEffection(() => peek(GroundContext))).toBeUndefined();
  });
});
