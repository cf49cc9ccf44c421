/** Connections to peers, shared and closed when idle. */
import type { Operation } from "effection";
import { openNursery, useVirtualClock } from "espalier";
import { PEER_IDLE_MS } from "../../core/actor/limits.ts";
import { PeerLinks, Unreachable } from "../../core/actor/peer-links.ts";
import { Channel } from "../../core/rpc/channel.ts";
import { PairedStream } from "../support/duplex-pair.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { Peer } from "../support/peer.ts";

const me = { name: "me", uuid: "me-uuid", pid: 1, is_registrar: null, is_probe: false };

/** Makes connections to peers that are played by hand, and counts them. */
class Peers {
  readonly made: Channel[] = [];
  asked = 0;
  fails: Error | undefined;

  readonly connect = function* (this: Peers, closed: () => void): Operation<Channel> {
    this.asked++;
    yield* macrotasks(1);
    if (this.fails !== undefined) throw this.fails;
    const [near, far] = PairedStream.make();
    new Peer(far);
    const channel = new Channel(near, { self: me, initiator: true, serve: () => {}, closed });
    this.made.push(channel);
    yield* channel.greeted.wait();
    return channel;
  }.bind(this);

  get open(): number {
    return this.made.filter(({ closedBy }) => closedBy === undefined).length;
  }
}

describe("connections to peers", () => {
  it("are shared by all that use one at once or soon after, and closed when nobody has for a while", function* () {
    const clock = yield* useVirtualClock();
    const peers = new Peers();
    yield* openNursery(function* (n) {
      const links = new PeerLinks(n, clock);
      yield* openNursery(function* (users) {
        for (let i = 0; i < 5; i++) users.startSoon(() => links.use("a", peers.connect, () => macrotasks(5)));
      });
      expect(links.named("peer")).toEqual([{ name: "peer", uuid: "peer-uuid" }]);
      yield* clock.advance(PEER_IDLE_MS - 1);
      const used = links.use("a", peers.connect, function* (channel) {
        yield* clock.advance(10 * PEER_IDLE_MS);
        return channel.closedBy;
      });
      expect(yield* used).toBeUndefined();
      expect(peers).toMatchObject({ asked: 1, open: 1 });
      yield* clock.advance(PEER_IDLE_MS);
      expect(peers).toMatchObject({ asked: 1, open: 0 });
      expect(String(peers.made[0]?.closedBy)).toMatch(/it was not used for 10000 ms/);
      expect(links.named("peer")).toEqual([]);
      yield* links.use("a", peers.connect, () => macrotasks(1));
      expect(peers).toMatchObject({ asked: 2, open: 1 });
      links.close();
      expect(peers.open).toBe(0);
    });
  });

  it("that are kept stay open without being used; one that is lost is made anew", function* () {
    const clock = yield* useVirtualClock();
    const peers = new Peers();
    yield* openNursery(function* (n) {
      const links = new PeerLinks(n, clock);
      const { made, leave } = links.hold("a", peers.connect);
      const channel = yield* made.wait();
      yield* clock.advance(10 * PEER_IDLE_MS);
      expect(peers.open).toBe(1);
      channel.destroy("cut");
      yield* links.use("a", peers.connect, () => macrotasks(1));
      leave();
      leave();
      expect(peers).toMatchObject({ asked: 2, open: 1 });
      yield* clock.advance(PEER_IDLE_MS);
      expect(peers.open).toBe(0);
    });
  });

  it("that cannot be made fail for all that wait, and are tried anew by the next", function* () {
    const peers = new Peers();
    yield* openNursery(function* (n) {
      const links = new PeerLinks(n);
      peers.fails = new RangeError("nobody is there");
      const errors: unknown[] = [];
      yield* openNursery(function* (users) {
        for (let i = 0; i < 3; i++) {
          users.startSoon(function* () {
            errors.push(yield* errorOf(links.use("a", peers.connect, function* () {})));
          });
        }
      });
      expect(errors).toHaveLength(3);
      expect(errors[0]).toBeInstanceOf(Unreachable);
      expect(errors[0]).toMatchObject({ cause: peers.fails });
      peers.fails = undefined;
      expect(
        yield* links.use("a", peers.connect, function* (channel) {
          return channel.peer?.id.name;
        }),
      ).toBe("peer");
      expect(peers.asked).toBe(2);
      links.close();
    });
  });

  it("are made for the others when the one that asked first is cancelled, and used by nobody they idle out", function* () {
    const clock = yield* useVirtualClock();
    const peers = new Peers();
    yield* openNursery(function* (n) {
      const links = new PeerLinks(n, clock);
      yield* openNursery(function* (users) {
        users.startSoon(() => links.use("a", peers.connect, function* () {}));
        yield* macrotasks(1);
        users.cancelScope.cancel();
      });
      yield* macrotasks(5);
      expect(peers).toMatchObject({ asked: 1, open: 1 });
      yield* clock.advance(PEER_IDLE_MS);
      expect(peers.open).toBe(0);
    });
  });
});
