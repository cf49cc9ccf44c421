/** Subscriptions from both sides: who waits for their teardown, who hears of its errors, and what may happen inside. */
import { type Operation, run as runInEffection, scoped, suspend } from "effection";
import {
  asapScheduler,
  asyncScheduler,
  BehaviorSubject,
  concat,
  config,
  map,
  mergeMap,
  NEVER,
  Observable,
  observeOn,
  of,
  queueScheduler,
  ReplaySubject,
  range,
  Subject,
  switchMap,
  take,
  takeUntil,
  timer,
  VirtualTimeScheduler,
} from "rxjs";
import { expectTypeOf } from "vitest";
import {
  Cancelled,
  CancelScope,
  checkpoint,
  ExceptionGroup,
  each,
  openMemoryChannel,
  openNursery,
  run,
  sleepForever,
  waitAllTasksBlocked,
} from "../../core/mod.ts";
import {
  fromObservable,
  intoObserver,
  openObservable,
  type PushStream,
  reportLateErrors,
  type TaskObservable,
  toObservable,
} from "../../interop/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { collect, lingering, throwing } from "../support/stream-sources.ts";
import { collectWarnings, errorOf, hostTurn } from "../to_promise/promise-side.ts";

/** A tree that gives 1 and then waits; it says when it has unwound, which takes a turn of the host. */
function lingering$(log: string[], fails?: Error): TaskObservable<number> {
  return toObservable(() => lingering(log, fails));
}

const tornDownBy = (error: Error): Observable<number> =>
  new Observable((subscriber) => {
    subscriber.next(1);
    return () => {
      throw error;
    };
  });

describe("a scope that reads an observable of tasks", () => {
  it.each(["fromObservable", "openObservable"])("B58 %s waits for the tasks behind operators", function* (how) {
    const log: string[] = [];
    const source$ = lingering$(log).pipe(
      map((n) => n + 1),
      mergeMap((n) => lingering$(log).pipe(map((m) => n + m))),
    );
    const body = function* (stream: PushStream<number>) {
      expect(yield* stream.receive()).toBe(3);
      log.push("leaving");
    };
    if (how === "openObservable") yield* openObservable(source$, body);
    else yield* scoped(() => useOpened(fromObservable(source$), body));
    expect(log).toEqual(["leaving", "unwound", "unwound"]);
  });

  it("B58 it waits also for what an operator had left behind before", function* () {
    const log: string[] = [];
    const outer = new Subject<number>();
    const [send, receive] = openMemoryChannel<number>(2);
    yield* openObservable(
      toObservable(receive).pipe(switchMap((n) => (n === 1 ? lingering$(log) : outer))),
      function* (stream) {
        send.sendNowait(1);
        yield* stream.receive();
        send.sendNowait(2);
        while (!outer.observed) yield* checkpoint(); // until the first one is unsubscribed from; it unwinds
        expect(log).toEqual([]);
      },
    );
    expect(log).toEqual(["unwound"]);
  });

  it("B58 it waits for what was dropped by a source that it does not know", function* () {
    const log: string[] = [];
    const stop = new Subject<void>();
    const source$ = concat(of(1), NEVER).pipe(mergeMap(() => lingering$(log).pipe(takeUntil(stop))));
    yield* openObservable(source$, function* (stream) {
      yield* stream.receive();
      stop.next();
      expect(log).toEqual([]);
    });
    expect(log).toEqual(["unwound"]);
  });

  it("B58 it waits for what was subscribed to by a timer", function* () {
    const log: string[] = [];
    const source$ = timer(0).pipe(switchMap(() => lingering$(log)));
    expect(yield* openObservable(source$, (stream) => stream.receive())).toBe(1);
    expect(log).toEqual(["unwound"]);
  });

  it("B58 what they fail with then comes out of the scope, and is no warning", function* () {
    const warnings = collectWarnings();
    const boom = new Error("clean-up");
    const log: string[] = [];
    const first = (stream: PushStream<number>) => stream.receive();
    const one$ = lingering$(log, boom).pipe(map((n) => n));
    expect(yield* errorOf(() => openObservable(one$, first))).toBe(boom);
    const error = yield* errorOf(() => scoped(() => useOpened(fromObservable(one$), first)));
    expect(error).toBe(boom);
    const two$ = of(1, 2).pipe(mergeMap(() => lingering$(log, boom)));
    const both = yield* errorOf(() => openObservable(two$, first));
    expect(both).toBeInstanceOf(ExceptionGroup);
    expect((both as ExceptionGroup).errors).toEqual([boom, boom]);
    yield* hostTurn();
    warnings.stop();
    expect(warnings.names).toEqual([]);
  });

  it("B17 openObservable keeps the error of its body beside that of the teardown", function* () {
    const [inBody, inTeardown] = [new Error("body"), new Error("teardown")];
    const error = yield* errorOf(() => openObservable(tornDownBy(inTeardown), () => throwing(inBody)));
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).errors[0]).toBe(inBody);
    expect((error as ExceptionGroup).errors[1]).toMatchObject({ errors: [inTeardown] });
  });

  it("openObservable that is cancelled throws what the teardown throws", function* () {
    const scope = new CancelScope();
    const boom = new Error("teardown");
    const error = yield* errorOf(() =>
      scope.run(() =>
        openObservable(tornDownBy(boom), function* () {
          scope.cancel();
          yield* sleepForever();
        }),
      ),
    );
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect([...(error as ExceptionGroup).leaves()]).toEqual([expect.objectContaining({ errors: [boom] })]);
  });

  it("openObservable returns what its body returned, and has the source torn down in any task", async () => {
    const log: string[] = [];
    const halted = runInEffection(function* () {
      yield* openObservable(lingering$(log), function* (stream) {
        log.push(`got ${yield* stream.receive()}`);
        yield* suspend();
      });
    });
    await run(waitAllTasksBlocked);
    await halted.halt();
    expect(log).toEqual(["got 1", "unwound"]);
    expect(await runInEffection(() => openObservable(of(7), (stream) => stream.receive()))).toBe(7);
  });

  it("a teardown that fails when the source completes comes out where the scope ends", function* () {
    const boom = new Error("teardown");
    const source = new Subject<number>();
    const failing$ = new Observable<number>((subscriber) => {
      subscriber.add(source.subscribe(subscriber));
      return () => {
        throw boom;
      };
    });
    let items: number[] = [];
    const error = yield* errorOf(() =>
      openObservable(failing$, function* (stream) {
        source.next(1);
        source.complete();
        items = yield* collect(stream);
      }),
    );
    expect(items).toEqual([1]);
    expect(error).toMatchObject({ errors: [boom] });
  });

  it("what cannot be subscribed to is an error at once", function* () {
    const closed = new Subject<number>();
    closed.unsubscribe();
    expect(yield* errorOf(() => openObservable(closed, collect))).toMatchObject({ name: "ObjectUnsubscribedError" });
    for (const wrong of [undefined, null, 7, {}, Promise.resolve(1)]) {
      const error = yield* errorOf(() => openObservable(wrong as unknown as Observable<number>, collect));
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toContain("expected an observable");
    }
  });

  it("a block that is none, and a source that is an observable, are refused, saying what is taken", function* () {
    const noBlock = yield* errorOf(() => openObservable(of(1), undefined as never));
    expect(String(noBlock)).toMatch(/takes its block as a generator function, got undefined/);
    const noSource = yield* errorOf(() => intoObserver(of(1) as never, new Subject<number>()));
    expect(String(noSource)).toMatch(/for an observable open it with fromObservable/);
  });

  it("an overflow policy that there is not is refused, and says which there are", () => {
    expect(() => fromObservable(NEVER, { overflow: "backpressure" as "error" })).toThrow(
      /error, drop-oldest, drop-newest, got backpressure/,
    );
  });
});

describe("errors after the end", () => {
  it("B58 those of an observable as it stands are warnings", function* () {
    const warnings = collectWarnings();
    let late = (_error: Error) => {};
    const source$ = new Observable<number>((subscriber) => {
      late = (error) => subscriber.error(error);
    });
    yield* openObservable(source$, function* () {});
    late(new Error("too late"));
    yield* hostTurn();
    warnings.stop();
    expect(warnings.names).toEqual(["LateObservableError"]);
  });

  it("B58 those behind operators are warnings where that is asked for, and what was set before is called too", async () => {
    const kinds: string[] = [];
    const before = (notification: { kind: string }) => void kinds.push(notification.kind);
    config.onStoppedNotification = before;
    const warnings = collectWarnings();
    const stop = reportLateErrors();
    let late = (_error: Error) => {};
    let item = () => {};
    const source$ = new Observable<number>((subscriber) => {
      late = (error) => subscriber.error(error);
      item = () => subscriber.next(1);
    });
    await run(() => openObservable(source$.pipe(map((n) => n)), function* () {}));
    late(new Error("too late"));
    item();
    await new Promise((resolve) => setTimeout(resolve)); // RxJS reports in a timer
    await new Promise((resolve) => setTimeout(resolve));
    stop();
    warnings.stop();
    expect(warnings.names).toEqual(["LateObservableError"]);
    expect(kinds).toEqual(["E", "N"]);
    expect(config.onStoppedNotification).toBe(before);
    config.onStoppedNotification = null;
  });
});

describe("finalized()", () => {
  it("B58 waits until the tasks have unwound, for all subscriptions, and only for those", async () => {
    const log: string[] = [];
    const source$ = lingering$(log);
    await source$.finalized(); // nobody has subscribed
    const subscriptions = [source$.subscribe(), source$.pipe(map((n) => n)).subscribe()];
    await run(waitAllTasksBlocked);
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect(log).toEqual([]);
    await Promise.all([source$.finalized(), source$.finalized()]);
    expect(log).toEqual(["unwound", "unwound"]);
    await source$.finalized();
  });

  it("B58 is rejected with what comes after unsubscription, which is then no warning", async () => {
    const warnings = collectWarnings();
    const boom = new Error("clean-up");
    const source$ = lingering$([], boom);
    for (const count of [1, 2]) {
      const subscriptions = Array.from({ length: count }, () => source$.subscribe());
      await run(waitAllTasksBlocked);
      for (const subscription of subscriptions) subscription.unsubscribe();
      const error = await source$.finalized().catch((e: unknown) => e);
      if (count === 1) expect(error).toBe(boom);
      else expect(error).toMatchObject({ errors: [boom, boom] });
    }
    await run(hostTurn);
    warnings.stop();
    expect(warnings.names).toEqual([]);
  });

  it("does not speak of errors that a subscriber was told", async () => {
    const source$ = toObservable(() => throwing(new TypeError("no")));
    const told: unknown[] = [];
    source$.subscribe({ error: (error: unknown) => told.push(error) });
    await source$.finalized();
    expect(told).toEqual([expect.any(TypeError)]);
  });
});

describe("tasks within a nursery", () => {
  it("are cancelled with it, and it waits for them", function* () {
    const log: string[] = [];
    yield* openNursery(function* (nursery) {
      toObservable(() => lingering(log), { within: nursery }).subscribe({
        next: (n) => log.push(`item ${n}`),
        error: (error: unknown) => log.push(error instanceof Cancelled ? "cancelled" : String(error)),
      });
      yield* waitAllTasksBlocked();
      nursery.cancelScope.cancel();
    });
    log.push("nursery ended");
    yield* hostTurn();
    expect(log.toSorted()).toEqual(["cancelled", "item 1", "nursery ended", "unwound"]);
    expect(log.indexOf("unwound")).toBeLessThan(log.indexOf("nursery ended"));
  });

  it("are cancelled by unsubscribing, and their failure is the subscriber's and not the nursery's", function* () {
    const log: string[] = [];
    yield* openNursery(function* (nursery) {
      const subscription = toObservable(() => lingering(log), { within: nursery }).subscribe();
      toObservable(() => throwing(new Error("mine")), { within: nursery }).subscribe({
        error: (error: Error) => log.push(error.message),
      });
      yield* waitAllTasksBlocked();
      subscription.unsubscribe();
    });
    expect(log).toEqual(["mine", "unwound"]);
  });

  it("are aborted by a signal, and are refused once it has closed", function* () {
    const told: unknown[] = [];
    const controller = new AbortController();
    let kept$: Observable<number> | undefined;
    const reason = new Error("enough");
    yield* openNursery(function* (nursery) {
      const options = { within: nursery, signal: controller.signal };
      kept$ = toObservable(() => lingering([]), options);
      kept$.subscribe({ error: (error: unknown) => told.push(error) });
      yield* waitAllTasksBlocked();
      controller.abort(reason);
    });
    kept$?.subscribe({ error: (error: unknown) => told.push(error) });
    yield* hostTurn();
    expect(told).toEqual([reason, expect.objectContaining({ message: expect.stringContaining("has closed") })]);
  });
});

describe("subjects", () => {
  it("one is fed by tasks and read by others: items, then completion", function* () {
    const subject = new Subject<number>();
    const seen = yield* openNursery(function* (nursery) {
      const [send, receive] = openMemoryChannel<number>(0);
      nursery.startSoon(() => intoObserver(receive, subject));
      return yield* openObservable(subject.pipe(map((n) => n * 2)), function* (stream) {
        for (const n of [1, 2, 3]) yield* send.send(n);
        send.close();
        return yield* collect(stream);
      });
    });
    expect(seen).toEqual([2, 4, 6]);
    expect(subject.isStopped).toBe(true);
  });

  it("an observer is told of an error and of a cancellation, and so is the task", function* () {
    const told: unknown[] = [];
    const observer = {
      next: () => {},
      error: (error: unknown) => void told.push(error),
      complete: () => told.push("end"),
    };
    const boom = new Error("boom");
    expect(yield* errorOf(() => intoObserver(() => throwing(boom), observer))).toBe(boom);
    const scope = new CancelScope();
    yield* openNursery(function* (nursery) {
      nursery.startSoon(() => scope.run(() => intoObserver(() => lingering([]), observer)));
      yield* waitAllTasksBlocked();
      scope.cancel("no more");
    });
    expect(told).toEqual([boom, expect.any(Cancelled)]);
  });

  it("an observer hears of a foreign task's halt as well", async () => {
    const told: unknown[] = [];
    const observer = { next: () => {}, error: (error: unknown) => void told.push(error), complete: () => {} };
    const task = runInEffection(() => intoObserver(() => lingering([]), observer));
    await run(waitAllTasksBlocked);
    await task.halt();
    expect(told).toEqual([expect.any(Cancelled)]);
  });

  it("what a subject replays is bounded like everything", function* () {
    const behavior = new BehaviorSubject(7);
    expect(yield* openObservable(behavior, (stream) => stream.receive())).toBe(7);
    const replay = new ReplaySubject<number>();
    for (let i = 0; i < 10; i++) replay.next(i);
    replay.complete();
    const options = { capacity: 4, overflow: "drop-oldest" } as const;
    expect(yield* openObservable(replay, collect, options)).toEqual([6, 7, 8, 9]);
  });
});

describe("inside of an emission", () => {
  it("a subscriber may leave", async () => {
    const seen: number[] = [];
    const source$ = toObservable(counting());
    const subscription = source$.subscribe((n) => {
      seen.push(n);
      if (n === 3) subscription.unsubscribe();
    });
    await source$.finalized();
    expect(seen).toEqual([1, 2, 3]);
  });

  it("a source that never waits leaves others their turn, and can be left", async () => {
    let count = 0;
    const source$ = toObservable(counting());
    const subscription = source$.subscribe(() => count++);
    await run(hostTurn);
    subscription.unsubscribe();
    await source$.finalized();
    expect(count).toBeGreaterThan(0);
  });

  it("a subscriber may feed its own source, and subscribe again", async () => {
    const [send, receive] = openMemoryChannel<number>(2);
    const seen: number[] = [];
    send.sendNowait(1);
    const source$ = toObservable(receive);
    await new Promise<void>((resolve) => {
      source$.subscribe({
        next: (n) => {
          seen.push(n);
          if (n === 3) send.close();
          else send.sendNowait(n + 1);
          if (n === 2)
            toObservable(counting())
              .pipe(take(2))
              .subscribe((m) => seen.push(10 * m));
        },
        complete: resolve,
      });
    });
    await run(hostTurn);
    expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 10, 20]);
  });

  it("a source may emit while its items are received, and end while it is subscribed to", function* () {
    const subject = new Subject<number>();
    const seen = yield* openObservable(subject, function* (stream) {
      subject.next(1);
      const items: number[] = [];
      for (const n of yield* each(stream)) {
        items.push(n);
        if (n < 5) subject.next(n + 1);
        else subject.complete();
        yield* each.next();
      }
      return items;
    });
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("schedulers", () => {
  it.each([
    ["asap", asapScheduler],
    ["async", asyncScheduler],
    ["queue", queueScheduler],
  ] as const)("the %s scheduler decides when items are handed on", async (name, scheduler) => {
    const turns: string[] = [];
    const seen: number[] = [];
    const source$ = toObservable(counting()).pipe(take(3), observeOn(scheduler));
    await new Promise<void>((resolve) => {
      setImmediate(() => turns.push("macrotask"));
      source$.subscribe({
        next: (n) => {
          seen.push(n);
          turns.push(name);
        },
        complete: resolve,
      });
    });
    expect(seen).toEqual([1, 2, 3]);
  });

  it("an observable that runs on a scheduler of its own is read as that lets it", function* () {
    const scheduler = new VirtualTimeScheduler();
    const source$ = timer(1_000, 1_000, scheduler).pipe(take(3));
    const seen = yield* openObservable(source$, function* (stream) {
      yield* waitAllTasksBlocked();
      expect(stream.statistics().pushed).toBe(0);
      scheduler.flush();
      expect(scheduler.now()).toBe(3_000);
      return yield* collect(stream);
    });
    expect(seen).toEqual([0, 1, 2]);
    expect(yield* openObservable(range(1, 3, asyncScheduler), collect)).toEqual([1, 2, 3]);
  });
});

it("types flow through", () => {
  expectTypeOf(openObservable(of(1), (stream) => stream.receive())).toEqualTypeOf<Operation<number>>();
  expectTypeOf(toObservable(counting())).toEqualTypeOf<TaskObservable<number>>();
});

function counting() {
  let n = 0;
  return {
    *receive(): Operation<number> {
      return ++n;
    },
  };
}

function* useOpened<T, R>(
  opening: Operation<PushStream<T>>,
  body: (stream: PushStream<T>) => Operation<R>,
): Operation<R> {
  return yield* body(yield* opening);
}
