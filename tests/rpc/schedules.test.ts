/**
 * Streams under random schedules of both sides, over a connection that delivers late and in any order across dialogs,
 * and may be cut. A failing seed is in the test's message and replays the round.
 */
import type { Operation } from "effection";
import { isCancelled, type MessageStream, openNursery, Portal } from "espalier";
import { Channel } from "../../core/rpc/channel.ts";
import { ExposedModules } from "../../core/rpc/exposed-modules.ts";
import { nameOf } from "../../core/rpc/function-name.ts";
import { Service } from "../../core/rpc/service.ts";
import type { StreamOptions } from "../../core/rpc/stream-options.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { type Random, SimulatedLink, seededRandom } from "../support/simulated-link.ts";
import { type Item, oneWay, playSide, type SidePlan, twoWay } from "./fixtures/scheduled.ts";

const MODULES = { scheduled: new URL("./fixtures/scheduled.ts", import.meta.url).href };
const NEVER = 1_000_000;

interface DialogPlan {
  readonly kind: "two-way" | "one-way";
  readonly here: SidePlan;
  readonly there: SidePlan;
}

interface Report {
  readonly plan: DialogPlan;
  /** The numbers of the items that either side received; undefined where it could not report. */
  readonly here: number[];
  there: readonly number[] | undefined;
  error: unknown;
}

const pick = <T>(random: Random, of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;

function planSide(random: Random, mayLeave: boolean): SidePlan {
  const options: StreamOptions = {
    capacity: pick(random, [1, 2, 3, 16, 1_024]),
    capacityBytes: pick(random, [1, 200, 5_000, 1_000_000]),
  };
  // The longest are sent in parts.
  const bytes = pick(random, [0, 10, 300, 20_000, 1_500_000]);
  return {
    items: pick(random, bytes > 100_000 ? [0, 1, 3] : [0, 1, 7, 60]),
    bytes,
    pause: pick(random, [0, 0, 1, 5]),
    leavesAfter: mayLeave && random() < 0.3 ? Math.floor(random() * 10) + 1 : NEVER,
    options,
  };
}

const planDialog = (random: Random, mayLeave: boolean): DialogPlan => ({
  kind: pick(random, ["two-way", "one-way"]),
  here: planSide(random, mayLeave),
  there: planSide(random, mayLeave),
});

function* playDialog(portal: Portal, report: Report, streams: Set<MessageStream<unknown, unknown>>): Operation<void> {
  const { here, there, kind } = report.plan;
  try {
    if (kind === "one-way") {
      yield* portal.openStreamFrom(
        oneWay,
        { plan: there },
        function* (stream) {
          streams.add(stream as unknown as MessageStream<unknown, unknown>);
          const oneWayHere = { ...here, items: 0 };
          const both = stream as unknown as MessageStream<Item, Item>;
          yield* playSide(both, oneWayHere, there.items, report.here);
          if (here.leavesAfter < there.items) return;
          expect(yield* (yield* both).next()).toMatchObject({ done: true });
        },
        here.options,
      );
    } else {
      yield* portal.openContext(twoWay, { plan: there, expects: here.items }, function* (ctx) {
        yield* ctx.openStream(function* (stream) {
          streams.add(stream as unknown as MessageStream<unknown, unknown>);
          yield* playSide(stream, here, there.items, report.here);
        }, here.options);
        report.there = yield* ctx.waitForResult();
      });
    }
  } catch (error) {
    report.error = error;
    if (isCancelled(error)) throw error;
  }
}

interface Round {
  readonly reports: readonly Report[];
  /** Steps it took until nothing was left to do; undefined if it stood still before that. */
  readonly stalled: boolean;
}

function* playRound(seed: number, options: { readonly cut: boolean; readonly mayLeave: boolean }): Operation<Round> {
  const random = seededRandom(seed);
  const modules = yield* ExposedModules.load(MODULES);
  // What is looked up once is looked up before: the simulation takes a wait for the host for standing still.
  for (const endpoint of [oneWay, twoWay]) yield* nameOf(endpoint, MODULES);
  const link = new SimulatedLink();
  const identity = { pid: 1, is_registrar: null, is_probe: false };
  const near = new Channel(link.near, {
    self: { ...identity, name: "near", uuid: "n" },
    initiator: true,
    serve: () => {},
  });
  const count = 1 + Math.floor(random() * 5);
  const cutAt = options.cut ? Math.floor(random() * 200) : NEVER;
  const reports: Report[] = Array.from({ length: count }, () => ({
    plan: planDialog(random, options.mayLeave),
    here: [],
    there: undefined,
    error: undefined,
  }));
  const streams = new Set<MessageStream<unknown, unknown>>();
  let stalled = false;
  yield* openNursery(function* (server) {
    const service = new Service({ name: "far", uuid: "f" }, server, modules);
    new Channel(link.far, { self: { ...identity, name: "far", uuid: "f" }, initiator: false, serve: service.serve });
    let open = count;
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        try {
          yield* near.greeted.wait();
        } catch (refused) {
          for (const report of reports) report.error = refused;
          open = 0;
          return;
        }
        const portal = new Portal({ name: "far", uuid: "f" }, near, MODULES);
        for (const report of reports) {
          n.startSoon(function* () {
            yield* playDialog(portal, report, streams);
            open--;
          });
        }
      });
      let idle = 0;
      for (let step = 0; open > 0 && idle < 20; step++) {
        if (step === cutAt) link.cut();
        link.step(random, 1 + Math.floor(random() * 8));
        yield* macrotasks(1);
        for (const stream of streams) expect(stream.statistics().credit, `seed ${seed}`).toBeGreaterThanOrEqual(0);
        idle = link.underWay === 0 ? idle + 1 : 0;
      }
      stalled = open > 0;
      link.cut();
      n.cancelScope.cancel("the round is over");
    });
    server.cancelScope.cancel("the round is over");
  });
  return { reports, stalled };
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

function check(seed: number, { plan, here, there, error }: Report, isCut: boolean): void {
  const told = `seed ${seed}: ${JSON.stringify({ plan, here, there, error: String(error) })}`;
  // In order and once, as far as it went.
  expect(here, told).toEqual(upTo(here.length));
  expect(there ?? [], told).toEqual(upTo(there?.length ?? 0));
  if (!isCut) expect(error, told).toBeUndefined();
  const leaves = plan.here.leavesAfter < plan.there.items || plan.there.leavesAfter < plan.here.items;
  if (error !== undefined || leaves) return;
  expect(here.length, told).toBe(plan.there.items);
  if (plan.kind === "two-way") expect(there?.length, told).toBe(plan.here.items);
}

describe("streams under random schedules", () => {
  const rounds = 150;

  it("B40 give every item in order, once, never stand still, and never overdraw their credit", function* () {
    for (let seed = 1; seed <= rounds; seed++) {
      const { reports, stalled } = yield* playRound(seed, { cut: false, mayLeave: false });
      expect(stalled, `seed ${seed} stood still`).toBe(false);
      for (const report of reports) check(seed, report, false);
    }
  });

  it("end cleanly where one side leaves early, and the others go on", function* () {
    for (let seed = 1_001; seed <= 1_000 + rounds; seed++) {
      const { reports, stalled } = yield* playRound(seed, { cut: false, mayLeave: true });
      expect(stalled, `seed ${seed} stood still`).toBe(false);
      for (const report of reports) check(seed, report, false);
    }
  });

  it("B44 whose connection is cut end with an error or had ended, and lost nothing before that", function* () {
    for (let seed = 2_001; seed <= 2_000 + rounds; seed++) {
      const { reports, stalled } = yield* playRound(seed, { cut: true, mayLeave: true });
      expect(stalled, `seed ${seed} stood still`).toBe(false);
      for (const report of reports) check(seed, report, true);
    }
  });
});
