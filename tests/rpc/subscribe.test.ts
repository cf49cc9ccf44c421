/** Fan-out of what a message stream receives. */

import type { Operation } from "effection";
import {
  BusyResourceError,
  each,
  moveOnAfter,
  openNursery,
  openRootActor,
  openSelfPortal,
  type Portal,
  type ReceiveStream,
  type Subscriber,
  sleepForever,
} from "espalier";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { begin, meet } from "../support/peer.ts";
import * as fixture from "./fixtures/producers.ts";

const PRODUCERS = new URL("./fixtures/producers.ts", import.meta.url);
const withSelf = <T>(body: (portal: Portal) => Operation<T>) =>
  openRootActor(() => openSelfPortal(body), { enableModules: [PRODUCERS] });

function* all(subscriber: Subscriber<number>): Operation<number[]> {
  const items: number[] = [];
  for (const item of yield* each(subscriber)) {
    items.push(item);
    yield* each.next();
  }
  return items;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

describe("subscribers of a message stream", () => {
  it.shuffled("B42 each gets every item, in order, and the end", function* () {
    yield* withSelf(function* (portal) {
      yield* portal.openStreamFrom(fixture.numbers, { upTo: 500 }, function* (stream) {
        const got: number[][] = [];
        yield* openNursery(function* (n) {
          for (let i = 0; i < 3; i++) {
            n.startSoon(() =>
              stream.subscribe(function* (subscriber) {
                got.push(yield* all(subscriber));
              }),
            );
          }
        });
        expect(got).toEqual([range(500), range(500), range(500)]);
      });
    });
  });

  it("B42 one that has fallen behind by more than the capacity is told, or skips, as it chose", function* () {
    yield* withSelf(function* (portal) {
      yield* portal.openStreamFrom(
        fixture.numbers,
        { upTo: 20 },
        function* (stream) {
          yield* stream.subscribe(function* (slow) {
            yield* stream.subscribe(
              function* (skipping) {
                expect(yield* stream.subscribe(all)).toEqual(range(20));
                expect(yield* all(skipping)).toEqual([16, 17, 18, 19]);
                expect(skipping.missed).toBe(16);
              },
              { onLag: "skip" },
            );
            expect(yield* errorOf(slow.receive())).toMatchObject({ name: "Lagged", missed: 16 });
            expect(yield* slow.receive()).toBe(16);
          });
        },
        { capacity: 4 },
      );
    });
  });

  it("B43 the one that reads may be cancelled, and no other loses an item", function* () {
    yield* withSelf(function* (portal) {
      yield* portal.openStreamFrom(fixture.numbers, { upTo: 200 }, function* (stream) {
        yield* stream.subscribe(function* (kept) {
          for (let i = 0; i < 20; i++) yield* moveOnAfter(0, () => stream.subscribe(all));
          expect(yield* all(kept)).toEqual(range(200));
        });
      });
    });
  });

  it("the stream itself is not to be read meanwhile, and can be afterwards", function* () {
    const meeting = yield* meet();
    const { peer } = meeting;
    const call = yield* begin(meeting);
    const stream = call.stream as ReceiveStream<unknown>;
    call.stream?.open({});
    yield* openNursery(function* (n) {
      n.startSoon(() => stream.subscribe(sleepForever));
      yield* macrotasks();
      expect(yield* errorOf(stream.receive())).toBeInstanceOf(BusyResourceError);
      expect(() => stream.receiveNowait()).toThrow(BusyResourceError);
      expect(yield* errorOf(each(stream))).toBeInstanceOf(BusyResourceError);
      n.cancelScope.cancel("seen");
    });
    peer.say({ msg_type: "Yield", cid: call.cid, pld: 1 });
    expect(yield* stream.receive()).toBe(1);
  });

  it("what the dialog ends with reaches each, after what came before", function* () {
    yield* withSelf(function* (portal) {
      const failures: unknown[] = [];
      const failing = portal.openStreamFrom(fixture.failsAfter, { count: 2 }, function* (stream) {
        yield* openNursery(function* (n) {
          for (let i = 0; i < 2; i++) {
            n.startSoon(() =>
              stream.subscribe(function* (subscriber) {
                expect([yield* subscriber.receive(), yield* subscriber.receive()]).toEqual([0, 1]);
                failures.push(yield* errorOf(subscriber.receive()));
              }),
            );
          }
        });
      });
      expect(yield* errorOf(failing)).toMatchObject({ remoteMessage: "ran dry" });
      expect(failures).toMatchObject([{ remoteMessage: "ran dry" }, { remoteMessage: "ran dry" }]);
    });
  });
});
