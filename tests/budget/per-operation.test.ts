/**
 * What an operation takes, counted and not timed: bytes and writes on the wire each way, steps of the run queue on both
 * sides together, bytes allocated by both. The first three are exact, and whoever changes them says so here; of the last
 * there is a most, a quarter above what was measured. Both sides run in this process, over a pair of streams in memory.
 */
import { Session } from "node:inspector/promises";
import type { Operation } from "effection";
import { until } from "effection";
import type { Portal } from "espalier";
import { each } from "espalier";
import { onTestFinished, vi } from "vitest";
import { Channel } from "../../core/rpc/channel.ts";
import { ExposedModules } from "../../core/rpc/exposed-modules.ts";
import { Portal as PortalClass } from "../../core/rpc/portal.ts";
import { Service } from "../../core/rpc/service.ts";
import { openNursery, type TaskStatus } from "../../core/sc/nursery.ts";
import { runQueue } from "../../core/sc/run-queue.ts";
import { sleepForever } from "../../core/sc/sleep.ts";
import { PairedStream } from "../support/duplex-pair.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { add, greets, numbers } from "./fixture.ts";

const modules = { budget: new URL("./fixture.ts", import.meta.url).href };

interface Ends {
  readonly portal: Portal;
  readonly near: PairedStream;
  readonly far: PairedStream;
}

function* connected(body: (ends: Ends) => Operation<void>): Operation<void> {
  const exposed = yield* ExposedModules.load(modules);
  yield* openNursery(function* (nursery) {
    const service = yield* nursery.start(function* serve(status: TaskStatus<Service>): Operation<void> {
      yield* openNursery(function* (served) {
        status.started(new Service({ name: "far", uuid: "far" }, served, exposed));
        yield* sleepForever();
      });
    });
    const [near, far] = PairedStream.make();
    const self = (name: string) => ({ name, uuid: name, pid: 1, is_registrar: null, is_probe: false });
    const asking = new Channel(near, { self: self("near"), initiator: true, serve: () => {} });
    const serving = new Channel(far, { self: self("far"), initiator: false, serve: service.serve });
    const { id } = yield* asking.greeted.wait();
    yield* body({ portal: new PortalClass(id, asking, modules), near, far });
    asking.destroy();
    serving.destroy();
    service.cancel(id, "the test is over");
  });
}

const OPERATIONS: Readonly<Record<string, (portal: Portal) => Operation<unknown>>> = {
  call: (portal) => portal.run(add, { a: 1, b: 1 }),
  context: (portal) => portal.openContext(greets, { value: 1 }, (ctx) => ctx.waitForResult()),
  "stream of 1,000": (portal) =>
    portal.openStreamFrom(numbers, { upTo: 1_000 }, function* (stream) {
      for (const _ of yield* each(stream)) yield* each.next();
    }),
};

/** The counts of one, once the names are known and the dialogs have numbers of two bytes. */
const BUDGET: Readonly<Record<string, object>> = {
  call: { asked: { writes: 1, bytes: 53 }, answered: { writes: 1, bytes: 10 }, steps: 2 },
  context: { asked: { writes: 1, bytes: 53 }, answered: { writes: 1, bytes: 46 }, steps: 5 },
  "stream of 1,000": { asked: { writes: 1, bytes: 72 }, answered: { writes: 1, bytes: 2_668 }, steps: 34 },
};

/** Bytes, by the sampling profiler, which counts what has been collected too. */
const MOST_ALLOCATED: Readonly<Record<string, number>> = {
  call: 13_500,
  context: 25_500,
  "stream of 1,000": 563_000,
};

describe("what an operation takes", () => {
  it.each(Object.keys(OPERATIONS))("a %s: on the wire, and of steps", function* (name) {
    const operation = OPERATIONS[name] as (typeof OPERATIONS)[string];
    let counts: object = {};
    // On a slow machine what is sent amid a turn leaves amid it.
    const clock = vi.spyOn(performance, "now").mockReturnValue(performance.now());
    onTestFinished(() => clock.mockRestore());
    yield* connected(function* ({ portal, near, far }) {
      for (let i = 0; i < 150; i++) yield* operation(portal);
      yield* macrotasks();
      const before = { near: near.writes.length, far: far.writes.length, steps: runQueue.steps };
      yield* operation(portal);
      const steps = runQueue.steps - before.steps;
      yield* macrotasks();
      const sent = (writes: readonly Buffer[]) => ({
        writes: writes.length,
        bytes: writes.reduce((sum, bytes) => sum + bytes.length, 0),
      });
      counts = { asked: sent(near.writes.slice(before.near)), answered: sent(far.writes.slice(before.far)), steps };
    });
    expect(counts).toEqual(BUDGET[name]);
  });

  it.each(Object.keys(OPERATIONS))("a %s: of memory", function* (name) {
    const operation = OPERATIONS[name] as (typeof OPERATIONS)[string];
    const times = name === "call" ? 1_000 : 200;
    let perOperation = Number.NaN;
    yield* connected(function* ({ portal }) {
      for (let i = 0; i < times; i++) yield* operation(portal);
      const session = new Session();
      session.connect();
      const all = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
      yield* until(session.post("HeapProfiler.startSampling", { samplingInterval: 1_024, ...all }));
      for (let i = 0; i < times; i++) yield* operation(portal);
      const { profile } = yield* until(session.post("HeapProfiler.stopSampling"));
      session.disconnect();
      perOperation = total(profile.head) / times;
    });
    expect(perOperation).toBeLessThan(MOST_ALLOCATED[name] ?? 0);
  });
});

function total(node: { readonly selfSize: number; readonly children: readonly Parameters<typeof total>[0][] }): number {
  return node.children.reduce((sum, child) => sum + total(child), node.selfSize);
}
