/** Many dialogs on one connection, and consumers that cannot keep up: what one does is nobody else's matter. */
import type { Operation } from "effection";
import { each, openActorNursery, openNursery, type Portal, sleepForever } from "espalier";
import { useCensus } from "../support/census.ts";
import { collectGarbage } from "../support/garbage.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import * as busy from "./fixtures/busy.ts";

const enableModules = [new URL("./fixtures/busy.ts", import.meta.url)];

const withChild = (body: (portal: Portal) => Operation<void>) =>
  openActorNursery(function* (an) {
    const portal = yield* an.startActor("busy", { enableModules });
    yield* body(portal);
    yield* portal.cancelActor();
  });

const MIB = 2 ** 20;

describe("many dialogs on one connection", () => {
  useCensus();

  it("B40 one stalled among a thousand delays none of the others", function* () {
    yield* withChild(function* (portal) {
      let finished = 0;
      yield* openNursery(function* (n) {
        yield* n.start(function* stalled(status: { started(): void }) {
          yield* portal.openStreamFrom(
            busy.numbers,
            { upTo: 1e9, bytes: 100 },
            function* (stream) {
              yield* stream.receive();
              status.started();
              yield* sleepForever();
            },
            { capacity: 16 },
          );
        });
        yield* openNursery(function* (others) {
          for (let i = 1; i < 1_000; i++) {
            others.startSoon(function* () {
              const received: number[] = [];
              yield* portal.openStreamFrom(busy.numbers, { upTo: 50, bytes: 10 }, function* (stream) {
                for (const { n: item } of yield* each(stream)) {
                  received.push(item);
                  yield* each.next();
                }
              });
              expect(received).toEqual(Array.from({ length: 50 }, (_, k) => k));
              finished++;
            });
          }
        });
        n.cancelScope.cancel("seen");
      });
      expect(finished).toBe(999);
      expect(yield* portal.run(busy.producing)).toBe(0);
    });
  });

  it("B40 small items go on while large ones are under way", function* () {
    yield* withChild(function* (portal) {
      let large = 0;
      let most = 0;
      let calls = 0;
      yield* openNursery(function* (n) {
        n.startSoon(() =>
          portal.openStreamFrom(busy.numbers, { upTo: 1e9, bytes: 8 * MIB }, function* (stream) {
            for (;;) {
              yield* stream.receive();
              large++;
            }
          }),
        );
        while (large === 0) yield* macrotasks(1);
        // A call is answered before one large item has arrived whole, or two if it was sent while one began.
        while (large < 8) {
          const before = large;
          yield* portal.run(busy.producing);
          calls++;
          most = Math.max(most, large - before);
        }
        n.cancelScope.cancel("seen");
      });
      expect(calls).toBeGreaterThan(2 * large);
      expect(most).toBeLessThanOrEqual(2);
    });
  });

  it("a consumer a thousand times slower than its producer costs neither side memory", function* () {
    yield* withChild(function* (portal) {
      const heaps: { here: number; there: number }[] = [];
      yield* portal.openStreamFrom(
        busy.numbers,
        { upTo: 1e9, bytes: 1_000 },
        function* (stream) {
          for (let received = 0; received < 1_500; received++) {
            yield* stream.receive();
            // The producer makes an item in some microseconds, and this takes some milliseconds.
            if (received % 10 === 0) yield* portal.run(busy.turns, { count: 20 });
            if (received === 500 || received === 1_499) {
              const { sent, heap } = yield* portal.run(busy.afterGarbage);
              expect(sent).toBeLessThanOrEqual(received + 1 + 64 + 1);
              heaps.push({ here: collectGarbage(), there: heap });
            }
          }
        },
        { capacity: 64 },
      );
      const [first, last] = heaps;
      if (first === undefined || last === undefined) return expect.fail("measured twice");
      expect(last.here - first.here).toBeLessThan(MIB);
      expect(last.there - first.there).toBeLessThan(MIB);
    });
  });
});
