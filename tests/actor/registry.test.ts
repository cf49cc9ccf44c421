/** The data of a registrar, and what a watch of it keeps for its reader. */
import { BusyResourceError, Lagged, openNursery } from "espalier";
import { Actor } from "../../core/actor/actor.ts";
import { ActorEvents, EventRing } from "../../core/actor/actor-events.ts";
import { MAX_REGISTERED_ACTORS } from "../../core/actor/limits.ts";
import { byPreference, fromWireActor, type RegisteredActor, toWireActor } from "../../core/actor/registered-actor.ts";
import { Registrar } from "../../core/actor/registrar.ts";
import { type ActorEvent, Registry } from "../../core/actor/registry.ts";
import { Channel } from "../../core/rpc/channel.ts";
import { PairedStream } from "../support/duplex-pair.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { id } from "../support/peer.ts";

const entry = (name: string, above: readonly string[] = [], rest: Partial<RegisteredActor> = {}): RegisteredActor => ({
  actor: id(name),
  pid: 1,
  addresses: [],
  path: above.map(id),
  holdsName: false,
  ...rest,
});
const names = (actors: readonly RegisteredActor[]) => actors.map(({ actor }) => actor.name);
const me = {};
const other = {};

describe("a registry", () => {
  it("B32 has all of one name, in the order of their entry, but first the one that holds it", () => {
    const registry = new Registry();
    for (const uuid of ["1", "2", "3"]) {
      registry.join({ ...entry("a"), actor: { name: "a", uuid }, holdsName: uuid === "2" }, me);
    }
    registry.join(entry("b"), me);
    expect(registry.find("a").map(({ actor }) => actor.uuid)).toEqual(["2", "1", "3"]);
    expect(names(registry.find())).toEqual(["a", "a", "a", "b"]);
    expect(registry.holderOf("a")?.actor.uuid).toBe("2");
    expect(registry.holderOf("b")).toBeUndefined();
    expect(registry.find("c")).toEqual([]);
  });

  it("drops with an actor all below it, those deepest first, and nobody beside it", () => {
    const registry = new Registry();
    const events: string[] = [];
    registry.join(entry("root"), me);
    registry.join(entry("a", ["root"]), me);
    registry.join(entry("b", ["root", "a"]), me);
    registry.join(entry("c", ["root", "a", "b"]), me);
    registry.join(entry("beside", ["root"]), me);
    const stop = registry.listen(({ type, actor }) => events.push(`${type} ${actor.actor.name}`));
    registry.leave(id("a").uuid);
    expect(events).toEqual(["left c", "left b", "left a"]);
    expect(names(registry.find())).toEqual(["root", "beside"]);
    stop();
    registry.leave(id("beside").uuid);
    expect(events).toHaveLength(3);
  });

  it("drops what is below an actor that was never entered, and comes to an end where paths go in a circle", () => {
    const registry = new Registry();
    registry.join(entry("a", ["b"]), me);
    registry.join(entry("b", ["a"]), me);
    registry.join(entry("c", ["absent"]), me);
    registry.leave(id("absent").uuid);
    expect(names(registry.find())).toEqual(["a", "b"]);
    registry.leave(id("a").uuid);
    expect(registry.size).toBe(0);
  });

  it("takes no entry from one source that another one has made, and removes them by their source", () => {
    const registry = new Registry();
    registry.join(entry("a"), me);
    registry.join(entry("b"), other);
    expect(() => registry.join(entry("a"), other)).toThrow(/a@a-uuid is registered already, by somebody else/);
    registry.leave(id("a").uuid, other);
    expect(names(registry.find())).toEqual(["a", "b"]);
    registry.leaveAllOf(other);
    expect(names(registry.find())).toEqual(["a"]);
  });

  it("says anew what is known of an actor without its joining again", () => {
    const registry = new Registry();
    const events: ActorEvent[] = [];
    registry.join(entry("a"), me);
    registry.listen((event) => events.push(event));
    registry.join(entry("a", [], { pid: 7 }), me);
    registry.relocate(id("a").uuid, ["/unix/x"]);
    registry.relocate("nobody", ["/unix/x"]);
    expect(registry.find()).toMatchObject([{ addresses: ["/unix/x"], pid: 7 }]);
    expect(events).toEqual([]);
  });
});

describe("the registrar of a tree", () => {
  it("takes only so many actors of other programs, and then still those of its own tree", function* () {
    const registrar = new Registrar(new Actor(id("root"), undefined, {}));
    const [, far] = PairedStream.make();
    const self = { ...id("root"), pid: 1, is_registrar: true, is_probe: false };
    const channel = new Channel(far, { self, initiator: false, serve: () => {} });
    const many = Array.from({ length: MAX_REGISTERED_ACTORS }, (_, i) => entry(`a${i}`));
    expect(() => registrar.join(many, channel)).toThrow(BusyResourceError);
    registrar.join(many.slice(1), channel);
    expect(() => registrar.registerPlain(id("py"), "/ip4/127.0.0.1/tcp/1")).toThrow(/65536 actors are registered/);
    registrar.join([entry("child", ["root"])]);
    expect(names(yield* registrar.lookUp("child", "one"))).toEqual(["child"]);
    channel.destroy();
    registrar.disconnected(channel);
    expect(names(yield* registrar.lookUp(undefined, "all"))).toEqual(["root", "child"]);
  });
});

describe("a registered actor on the wire", () => {
  it("is the same one after it", () => {
    const actor = entry("a", ["root"], { addresses: ["/unix/x", "/ip4/127.0.0.1/tcp/1"], holdsName: true });
    expect(fromWireActor(toWireActor(actor))).toEqual(actor);
    const unknown = entry("a", [], { pid: undefined });
    expect(fromWireActor(toWireActor(unknown))).toEqual(unknown);
  });

  const good = toWireActor(entry("a"));
  it.each([
    ["nothing", null, /is no map/],
    ["no uid", { ...good, uid: "a" }, /has no uid/],
    ["a pid that is none", { ...good, pid: "1" }, /has a pid/],
    ["a path that is none", { ...good, path: [1] }, /has no path/],
    ["a path of any length", { ...good, path: Array(300).fill(["a", "b"]) }, /has no path/],
    ["addresses that are none", { ...good, addrs: ["/unix/x"] }, /has no addresses/],
    ["an address that is none", { ...good, addrs: [["127.0.0.1", 99_999]] }, /no address.*port/],
  ])("with %s is refused, naming that", (_what, value, message) => {
    expect(() => fromWireActor(value)).toThrow(message);
  });

  it("B52 is reached by Unix socket rather than loopback, and by that rather than another host", () => {
    const addresses = ["/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1", "/dns4/far/tcp/1", "/unix/x", "/ip6/::1/tcp/1"];
    expect(byPreference(addresses)).toEqual([
      "/unix/x",
      "/ip4/127.0.0.1/tcp/1",
      "/ip6/::1/tcp/1",
      "/ip4/10.0.0.1/tcp/1",
      "/dns4/far/tcp/1",
    ]);
  });
});

describe("changes that wait for a reader", () => {
  const event = (n: number): ActorEvent => ({ type: "joined", actor: entry(`a${n}`) });

  it("come in order; of more than are kept the reader is told how many it has missed, once for each gap", function* () {
    const ring = new EventRing(2);
    const events = new ActorEvents(() => ring.next());
    for (const n of [1, 2, 3, 4, 5]) ring.push(event(n));
    const lagged = yield* errorOf(events.receive());
    expect(lagged).toBeInstanceOf(Lagged);
    expect(lagged).toMatchObject({ missed: 3, capacity: 2 });
    expect((yield* events.receive()).actor.actor.name).toBe("a4");
    ring.push(event(6));
    ring.miss(10);
    expect(yield* errorOf(events.receive())).toMatchObject({ missed: 12 });
  });

  it("are waited for by one task; an end comes after what was there before it", function* () {
    const ring = new EventRing();
    const events = new ActorEvents(() => ring.next());
    const got: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        got.push((yield* events.receive()).actor.actor.name);
      });
      yield* macrotasks();
      expect(String(yield* errorOf(events.receive()))).toMatch(/another task waits/);
      ring.push(event(1));
      ring.push(event(2));
      ring.fail(new RangeError("the end"));
    });
    got.push((yield* events.receive()).actor.actor.name);
    expect(got).toEqual(["a1", "a2"]);
    expect(yield* errorOf(events.receive())).toBeInstanceOf(RangeError);
  });

  it("that was cancelled while it waited loses none", function* () {
    const ring = new EventRing();
    yield* openNursery(function* (n) {
      n.startSoon(() => ring.next());
      yield* macrotasks();
      n.cancelScope.cancel();
    });
    ring.push(event(1));
    expect((yield* ring.next()).actor.actor.name).toBe("a1");
  });
});
