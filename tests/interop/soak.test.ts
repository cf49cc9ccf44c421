/** Many items and many subscriptions: nothing is lost, and nothing is left. Counts, not times. */
import type { Operation } from "effection";
import { map, Subject } from "rxjs";
import { each, openActorNursery, openMemoryChannel, openNursery, waitAllTasksBlocked } from "../../core/mod.ts";
import { Backpressure, observe, openObservable, type PushStream, toObservable } from "../../interop/mod.ts";
import { useCensus } from "../support/census.ts";
import { collectGarbage } from "../support/garbage.ts";
import { expect, it } from "../support/it.ts";
import { hostTurn } from "../to_promise/promise-side.ts";
import * as fixture from "./fixtures/observables.ts";

useCensus();

const OBSERVABLES = new URL("./fixtures/observables.ts", import.meta.url);
const MIB = 1024 * 1024;

it(
  "B58 a million items, through operators, to a slow consumer of another process: all, in order, in flat memory",
  function* () {
    const count = 1_000_000;
    const heaps: { here: number; there: number; ahead: number }[] = [];
    let received = 0;
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("source", { enableModules: [OBSERVABLES] });
      const pressure = new Backpressure();
      const numbers$ = observe(portal, fixture.heldUp, { upTo: count }, { pressure, capacity: 1_024 });
      const read = function* (stream: PushStream<number>): Operation<void> {
        for (const n of yield* each(stream)) {
          if (n !== ++received) throw new Error(`expected item ${received}, got ${n}`);
          if (n % 2_048 === 0) yield* hostTurn(); // it has other things to do
          if (n % 200_000 === 0) {
            const { heap, read } = yield* portal.run(fixture.heapInUse);
            heaps.push({ here: collectGarbage(), there: heap, ahead: read - n });
          }
          yield* each.next();
        }
      };
      yield* openObservable(numbers$.pipe(map((n) => n)), read, { capacity: 512, pressure });
      yield* portal.cancelActor();
    });
    expect(received).toBe(count);
    expect(heaps).toHaveLength(5);
    for (const place of ["here", "there"] as const) {
      const sizes = heaps.map((heap) => heap[place]);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(4 * MIB);
    }
    // What the far side has read and nobody has received: what the buffers on the way hold.
    for (const { ahead } of heaps) expect(ahead).toBeLessThan(1_024 + 512 + 16 + 64);
  },
  { timeout: 240_000 },
);

it(
  "B58 100,000 times subscribed and unsubscribed, each way, leaves nothing behind",
  function* () {
    const subject = new Subject<number>();
    const [send, receive] = openMemoryChannel<number>(1);
    const cycle = function* (times: number): Operation<void> {
      yield* openNursery(function* (nursery) {
        const source$ = toObservable(receive, { within: nursery });
        for (let i = 0; i < times; i++) {
          yield* openObservable(subject, function* () {});
          source$.subscribe().unsubscribe();
          if (i % 1_000 === 0) yield* waitAllTasksBlocked();
        }
      });
    };
    const cycleTrees = function* (times: number): Operation<void> {
      const source$ = toObservable(receive);
      for (let i = 0; i < times; i++) {
        source$.subscribe().unsubscribe();
        if (i % 100 === 0) yield* waitAllTasksBlocked();
      }
      yield* waitAllTasksBlocked();
    };
    yield* cycle(2_000);
    yield* cycleTrees(500);
    const before = collectGarbage();
    yield* cycle(100_000);
    yield* cycleTrees(5_000);
    const growth = collectGarbage() - before;
    expect(subject.observed).toBe(false);
    expect(receive.statistics()).toMatchObject({ tasksWaitingReceive: 0 });
    // Eleven bytes kept of each cycle would be more.
    expect(growth).toBeLessThan(MIB);
    send.close();
  },
  { timeout: 240_000 },
);
