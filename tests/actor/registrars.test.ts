/** A registrar and those outside its tree: recorded, plain, hostile, many, gone. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Operation } from "effection";
import {
  ActorNotFound,
  each,
  findActor,
  findActors,
  Lagged,
  ListenError,
  maybeFindActor,
  openActorNursery,
  openNursery,
  openRootActor,
  queryActor,
  RegistrarUnavailable,
  waitForActor,
  watchActors,
} from "espalier";
import { Actor } from "../../core/actor/actor.ts";
import { directoryFunctions } from "../../core/actor/directory-functions.ts";
import { Household } from "../../core/actor/household.ts";
import { Registrar } from "../../core/actor/registrar.ts";
import { openConnection } from "../../core/ipc/listener.ts";
import { Channel } from "../../core/rpc/channel.ts";
import { Service } from "../../core/rpc/service.ts";
import { park } from "../../core/sc/park.ts";
import {
  FEATURES,
  type Feature,
  FrameReader,
  type Message,
  MessageCodec,
  parseAddress,
  type Start,
} from "../../core/wire/mod.ts";
import { useCensus } from "../support/census.ts";
import { PairedStream } from "../support/duplex-pair.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { Peer } from "../support/peer.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { asks } from "./fixtures/discovery.ts";

const enableModules = [new URL("./fixtures/discovery.ts", import.meta.url)];
const LOOPBACK = "/ip4/127.0.0.1/tcp/0";
const newAddress = () => `/unix${join(useTempDir(), "registry", "s")}`;

// ------------------------------------------------------------------------------------------------------ the recording

interface Recorded {
  readonly conn: number;
  readonly dir: "from_python" | "to_python";
  readonly hex: string;
  readonly msg: Message;
}

const recording = readFileSync(new URL("../wire/golden/python-peer.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line): Recorded => JSON.parse(line));

describe("a recorded Python client of a registrar", () => {
  it("probes, registers, looks up and unregisters as it did with a Python one", function* () {
    const answers: Message[] = [];
    const registered: string[][] = [];
    yield* openNursery(function* (nursery) {
      const service = { name: "py_service", uuid: "8fb62dc2-a551-4b6d-b7d9-04a30584c40d" };
      const actor = new Actor(service, undefined, {});
      const registrar = new Registrar(actor);
      actor.registrar = registrar;
      actor.addresses = ["/ip4/127.0.0.1/tcp/17171"];
      const served = new Service(service, nursery, undefined, directoryFunctions(actor, registrar));
      actor.settle(
        new Household(actor, nursery, function* () {
          return served;
        }),
        registrar,
      );
      for (const conn of [0, 1, 2, 4]) {
        const [left, right] = PairedStream.make();
        const self = { ...service, pid: 17497, is_registrar: true, is_probe: false };
        const channel = new Channel(left, { self, initiator: false, serve: served.serve });
        const heard = collect(right);
        for (const { dir, hex } of recording.filter((line) => line.conn === conn)) {
          if (dir === "to_python") right.write(Buffer.from(withLength(hex), "hex"));
          yield* macrotasks();
        }
        answers.push(...heard);
        channel.destroy();
        registered.push((yield* registrar.lookUp(undefined, "all")).map(({ actor: { name } }) => name));
      }
      nursery.cancelScope.cancel("the recording is over");
    });
    const expected = recording.filter(({ conn, dir }) => conn !== 3 && dir === "from_python").map(({ msg }) => msg);
    expect(answers.map(withoutExt)).toEqual(expected);
    // Its entry outlives its connection, and goes when it says so.
    expect(registered).toEqual([
      ["py_service"],
      ["py_service", "py_client"],
      ["py_service", "py_client"],
      ["py_service"],
    ]);
  });
});

function withLength(hex: string): string {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(hex.length / 2);
  return length.toString("hex") + hex;
}

function collect(stream: PairedStream): Message[] {
  const [reader, codec] = [new FrameReader(), new MessageCodec({ spelling: "named", features: new Set() })];
  const heard: Message[] = [];
  stream.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) heard.push(codec.decode(frame));
  });
  return heard;
}

function withoutExt(message: Message): Message {
  if (message.msg_type !== "Aid") return message;
  const { ext: _ext, ...rest } = message;
  return rest;
}

// ----------------------------------------------------------------------------------------------- others, played by hand

/** A peer that connects to `address`. */
function* connectTo(address: string, features: readonly Feature[] = FEATURES): Operation<Peer> {
  const peer = new Peer(yield* openConnection(parseAddress(address), undefined), features);
  yield* peer.connection.greeted.wait();
  return peer;
}

let cids = 0;

/** Ask the runtime at the other end, and wait for its last word. */
function* ask(peer: Peer, func: string, kwargs: Record<string, unknown>): Operation<Message> {
  const cid = peer.connection.has("compact") ? 2 * cids++ : `by-hand-${cids++}`;
  const uid = ["peer", "peer-uuid"] as const;
  peer.say({ msg_type: "Start", cid, ns: "self", func, kwargs, uid, pld_spec: "typing.Any" });
  for (;;) {
    const last = peer.heard.find((m) => (m.msg_type === "Return" || m.msg_type === "Error") && m.cid === cid);
    if (last !== undefined) return last;
    yield* macrotasks(1);
  }
}

const wireActor = (name: string, addrs: readonly unknown[] = []) => ({
  uid: [name, `${name}-uuid`],
  pid: 7,
  addrs,
  path: [],
  holds_name: false,
});

/** Something that listens, and does `react` with every connection. */
function* listening<T>(path: string, react: (socket: Socket) => void, body: () => Operation<T>): Operation<T> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    react(socket);
  });
  const [, port] = /tcp\/(\d+)$/.exec(path) ?? [];
  yield* park<void>(
    "listening",
    ({ wake }) => {
      if (port === undefined) server.listen(path.slice("/unix".length), wake);
      else server.listen(Number(port), "127.0.0.1", wake);
      return () => false;
    },
    { byHost: true },
  );
  try {
    return yield* body();
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** A registrar that gives `answer` to whatever it is asked. */
const answering =
  (answer: (start: Start, say: (message: Message) => void) => void, features: readonly Feature[] = FEATURES) =>
  (stream: Duplex) => {
    const peer: Peer = new Peer(stream, features);
    peer.onStart = (start) => {
      peer.say({ msg_type: "StartAck", cid: start.cid, functype: start.func === "_watch" ? "asyncgen" : "asyncfunc" });
      answer(start, (message) => peer.say(message));
    };
  };

describe("a registrar", () => {
  useCensus();

  it("B50 removes the entry of a plain peer at its first failed use, and who used it is told", function* () {
    yield* openRootActor(
      function* (root) {
        const [address = ""] = root.addresses;
        const peer = yield* connectTo(address, []);
        // Nobody listens on the port that is told.
        const gone = { uid: ["py", "py-uuid"], addr: ["127.0.0.1", 1] };
        expect(yield* ask(peer, "register_actor", gone)).toMatchObject({ msg_type: "Return", pld: null });
        expect(yield* ask(peer, "find_actor", { name: "py" })).toMatchObject({ pld: [["127.0.0.1", 1]] });
        expect(yield* ask(peer, "find_actor", { name: "nobody" })).toMatchObject({ pld: null });
        peer.connection.destroy();
        yield* macrotasks(20);
        expect(yield* queryActor("py")).toMatchObject({ addresses: ["/ip4/127.0.0.1/tcp/1"], pid: undefined });
        const error = yield* errorOf(findActor("py", function* () {}));
        expect(error).toBeInstanceOf(ActorNotFound);
        expect(error).toMatchObject({ unreachable: [{ name: "py", uuid: "py-uuid" }] });
        expect(String(error)).toMatch(/cannot be reached \(cannot connect to \/ip4\/127.0.0.1\/tcp\/1: nobody listens/);
        expect(yield* queryActor("py")).toBeUndefined();
        expect(
          yield* maybeFindActor("py", function* (portal) {
            return portal;
          }),
        ).toBeUndefined();
      },
      { bindAddrs: [LOOPBACK] },
    );
  });

  it("B50 finds the next of that name after one that is stale, also for who waits", function* () {
    yield* openRootActor(
      function* (root) {
        const [address = ""] = root.addresses;
        const peer = yield* connectTo(address, []);
        yield* ask(peer, "register_actor", { uid: ["svc", "stale"], addr: ["127.0.0.1", 1] });
        yield* openActorNursery(function* (an) {
          const asking = yield* an.startActor("asking", { enableModules });
          const svc = yield* an.startActor("svc", { enableModules, bindAddrs: [LOOPBACK] });
          expect(yield* asking.run(asks, { name: "svc" })).toMatchObject({ uuid: svc.actor.uuid });
          expect((yield* findActors("svc")).map(({ actor }) => actor)).toEqual([svc.actor]);
          an.cancelScope.cancel();
        });
        let met: unknown;
        yield* ask(peer, "register_actor", { uid: ["late", "stale"], addr: ["127.0.0.1", 1] });
        yield* openNursery(function* (n) {
          n.startSoon(function* () {
            met = yield* waitForActor("late", function* (portal) {
              return portal.actor;
            });
          });
          while ((yield* queryActor("late")) !== undefined) yield* macrotasks(5);
          // The root itself, under another name.
          const [, port] = /tcp\/(\d+)$/.exec(address) ?? [];
          yield* ask(peer, "register_actor", {
            uid: ["late", root.id.uuid.replace(/^./, "x")],
            addr: ["127.0.0.1", Number(port)],
          });
          while ((yield* queryActor("late")) !== undefined) yield* macrotasks(5);
          expect(met).toBeUndefined();
          n.cancelScope.cancel();
        });
        peer.connection.destroy();
      },
      { bindAddrs: [LOOPBACK] },
    );
  }, 60_000);

  it("holds the actors of a program of ours as long as its connection, two hundred of them; watches tell of each", function* () {
    const address = newAddress();
    yield* openRootActor(
      function* () {
        const peer = yield* connectTo(address);
        const many = Array.from({ length: 200 }, (_, i) => wireActor(`a${i}`));
        const seen = { joined: 0, left: 0 };
        yield* watchActors(function* (events, present) {
          expect(present).toHaveLength(1);
          yield* ask(peer, "_join", { actors: many });
          expect(yield* findActors()).toHaveLength(201);
          expect(yield* queryActor("a199")).toMatchObject({ pid: 7, path: [] });
          yield* ask(peer, "_leave", { uuids: ["a0-uuid", "a1-uuid", "nobody"] });
          expect(yield* findActors()).toHaveLength(199);
          peer.connection.destroy();
          for (const { type } of yield* each(events)) {
            seen[type]++;
            if (seen.left === 200) break;
            yield* each.next();
          }
        });
        expect(seen).toEqual({ joined: 200, left: 200 });
        expect(yield* findActors()).toHaveLength(1);
      },
      { ensureRegistry: address },
    );
  });

  it("tells a slow watch at the other end how much it has missed", function* () {
    const address = newAddress();
    yield* openRootActor(
      function* () {
        const peer = yield* connectTo(address);
        yield* watchActors(
          function* (events) {
            for (let i = 0; i < 2_000; i++) {
              const actors = [wireActor(`a${i}`)];
              if (i % 100 === 99) yield* ask(peer, "_join", { actors });
              else
                peer.say({
                  msg_type: "Start",
                  cid: 100_000 + 2 * i,
                  ns: "self",
                  func: "_join",
                  kwargs: { actors },
                  uid: ["p", "p"],
                  pld_spec: "typing.Any",
                });
            }
            yield* macrotasks(20);
            let [got, missed] = [0, 0];
            while (got + missed < 2_000) {
              try {
                yield* events.receive();
                got++;
              } catch (error) {
                if (!(error instanceof Lagged)) throw error;
                missed += error.missed;
              }
            }
            expect(missed).toBeGreaterThan(500);
            expect(got).toBeGreaterThan(1_000);
          },
          { registryAddrs: [address] },
        );
        peer.connection.destroy();
      },
      { ensureRegistry: address },
    );
  });

  it("listens anew when its socket was removed, and is found there as before", function* () {
    const address = newAddress();
    const path = address.slice("/unix".length);
    yield* openRootActor(
      function* (root) {
        rmSync(path);
        while (!existsSync(path)) yield* macrotasks(20);
        const peer = yield* connectTo(address);
        yield* ask(peer, "_join", { actors: [wireActor("a")] });
        expect((yield* findActors()).map(({ actor }) => actor.name)).toEqual(["root", "a"]);
        expect(root.addresses).toEqual([address]);
        peer.connection.destroy();
      },
      { ensureRegistry: address, logTo: () => {} },
    );
    expect(existsSync(path)).toBe(false);
  });

  it("refuses what is no actor, what is another's, and what is no address, and goes on", function* () {
    const address = newAddress();
    yield* openRootActor(
      function* (root) {
        const peer = yield* connectTo(address);
        const refused = function* (func: string, kwargs: Record<string, unknown>): Operation<string> {
          const answer = yield* ask(peer, func, kwargs);
          return answer.msg_type === "Error" ? String(answer.message) : answer.msg_type;
        };
        expect(yield* refused("_join", { actors: "all" })).toMatch(/is no list/);
        expect(yield* refused("_join", { actors: [{}] })).toMatch(/has no uid/);
        const impostor = { ...wireActor("x"), uid: ["root", root.id.uuid] };
        expect(yield* refused("_join", { actors: [impostor] })).toMatch(/registered already, by somebody else/);
        expect(yield* refused("register_actor", { uid: "x", addr: ["a", 1] })).toMatch(/uid: expected an actor/);
        expect(yield* refused("register_actor", { uid: ["x", "x"], addr: 1 })).toMatch(/has no addresses/);
        expect(yield* refused("_leave", { uuids: 1 })).toMatch(/expected an array of texts/);
        expect(yield* refused("_look_up", { name: 1 })).toMatch(/expected a text/);
        expect(yield* refused("_listen", { path: ["nobody"] })).toBe("Return");
        expect(yield* refused("_nonsense", {})).toMatch(/not offered by this runtime/);
        yield* ask(peer, "_leave", { uuids: [root.id.uuid] });
        expect((yield* findActors()).map(({ actor }) => actor)).toEqual([root.id]);
        peer.connection.destroy();
      },
      { ensureRegistry: address },
    );
  });
});

describe("a program that is to join a registry", () => {
  useCensus();

  it("is told that nobody is there, and what to do", function* () {
    const address = newAddress();
    const error = yield* errorOf(openRootActor(function* () {}, { registryAddrs: [address] }));
    expect(error).toBeInstanceOf(RegistrarUnavailable);
    expect(String(error)).toMatch(
      /registrar at \/unix.*nobody is there \(start it first, or be it with ensureRegistry\)/,
    );
  });

  it.each([
    ["says HTTP", (socket: Socket) => void socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["hangs up", (socket: Socket) => void socket.end()],
    ["sends garbage", (socket: Socket) => void socket.write(Buffer.from([1, 0, 0, 0, 0x80]))],
  ])("is told that what listens there is no actor, which %s", function* (_what, react) {
    const address = `/unix${join(useTempDir(), "s")}`;
    yield* listening(address, react, function* () {
      for (const options of [{ registryAddrs: [address] }, { ensureRegistry: address }]) {
        const error = yield* errorOf(openRootActor(function* () {}, options));
        expect(error).toBeInstanceOf(RegistrarUnavailable);
        expect(String(error)).toMatch(/what listens there is no actor/);
      }
    });
  });

  it("is told that an address cannot be listened on, and which option is wrong", function* () {
    const error = yield* errorOf(openRootActor(function* () {}, { ensureRegistry: "/ip4/192.0.2.1/tcp/1616" }));
    expect(error).toBeInstanceOf(ListenError);
    expect(yield* errorOf(openRootActor(function* () {}, { ensureRegistry: "x" }))).toBeInstanceOf(RangeError);
    expect(yield* errorOf(openRootActor(function* () {}, { registryAddrs: ["x"] }))).toBeInstanceOf(RangeError);
  });

  it.each([
    ["nothing", null],
    ["a text", "bob"],
    ["actors without uid", [{ pid: 1 }]],
    ["addresses that are none", [wireActor("bob", [["127.0.0.1", -1]])]],
  ])("names a registrar that answers a look-up with %s", function* (_what, pld) {
    const address = `/unix${join(useTempDir(), "s")}`;
    const react = answering((start, say) => {
      say({ msg_type: "Return", cid: start.cid, pld: start.func === "_join" ? null : pld });
    });
    yield* listening(address, react, function* () {
      yield* openRootActor(
        function* () {
          for (const looked of [findActor("bob", function* () {}), queryActor("bob"), findActors("bob")]) {
            const error = yield* errorOf(looked);
            expect(error).toBeInstanceOf(RegistrarUnavailable);
            expect(String(error)).toMatch(/it answers what is no answer/);
          }
          // What it does know still counts.
          expect(
            yield* findActor("root", function* (portal) {
              return portal.actor.name;
            }),
          ).toBe("root");
        },
        { registryAddrs: [address] },
      );
    });
  });

  it("asks several at once: one that knows is enough, and one that cannot be asked is no failure then", function* () {
    const addresses = ["a", "b", "c"].map((name) => `/unix${join(useTempDir(), name)}`);
    const knowing = (known: readonly unknown[]) =>
      answering((start, say) =>
        say({ msg_type: "Return", cid: start.cid, pld: start.func === "_join" ? null : known }),
      );
    const silent = answering((start, say) => {
      if (start.func === "_join") say({ msg_type: "Return", cid: start.cid, pld: null });
      if (start.ns === "self" && start.func === "_cancel_task")
        say({ msg_type: "CancelAck", cid: start.cid, pld: true });
    });
    const [empty = "", full = "", mute = ""] = addresses;
    yield* listening(empty, knowing([]), function* () {
      yield* listening(full, knowing([wireActor("bob", [["unix", "/x/y"]])]), function* () {
        yield* listening(mute, silent, function* () {
          yield* openRootActor(function* () {
            expect(yield* queryActor("bob", { registryAddrs: [empty, full] })).toMatchObject({
              addresses: ["/unix/x/y"],
            });
            expect(yield* queryActor("bob", { registryAddrs: [empty] })).toBeUndefined();
            const nowhere = `/unix${join(useTempDir(), "n")}`;
            expect(yield* findActors("bob", { registryAddrs: [nowhere, full] })).toHaveLength(1);
            expect(yield* errorOf(queryActor("bob", { registryAddrs: [nowhere, empty] }))).toMatchObject({
              name: "RegistrarUnavailable",
              address: nowhere,
            });
            const error = yield* errorOf(findActor("bob", function* () {}, { registryAddrs: [full, empty] }));
            expect(error).toMatchObject({ name: "ActorNotFound", unreachable: [{ name: "bob" }] });
            expect(yield* errorOf(findActor("eve", function* () {}, { registryAddrs: [empty] }))).toMatchObject({
              message: expect.stringContaining(`none is registered at ${empty}`),
            });
          });
          // Joined, it is the same; the one that is not there is looked for.
          yield* openRootActor(
            function* () {
              expect(yield* findActors("bob")).toHaveLength(1);
            },
            { registryAddrs: [full, `/unix${join(useTempDir(), "n")}`], logTo: () => {} },
          );
        });
      });
    });
  });

  it("speaks to a plain registrar as plain peers do: what listens by TCP is registered, and taken back", function* () {
    const address = `/unix${join(useTempDir(), "s")}`;
    const asked: unknown[] = [];
    const react = answering((start, say) => {
      asked.push([start.func, start.kwargs]);
      const found = start.kwargs.name === "svc" ? [["127.0.0.1", 1]] : null;
      say({ msg_type: "Return", cid: start.cid, pld: start.func === "find_actor" ? found : null });
    }, []);
    let root: readonly unknown[] = [];
    let port = 0;
    yield* listening(address, react, function* () {
      yield* openRootActor(
        function* (actor) {
          root = [actor.name, actor.id.uuid];
          port = Number(actor.addresses[0]?.split("/").at(-1));
          while (asked.length === 0) yield* macrotasks(1);
          expect(yield* queryActor("svc")).toMatchObject({ addresses: ["/ip4/127.0.0.1/tcp/1"] });
          expect(yield* queryActor("nobody")).toBeUndefined();
          expect(yield* errorOf(findActor("svc", function* () {}))).toMatchObject({ name: "ActorNotFound" });
          expect(yield* findActors()).toHaveLength(1);
        },
        { registryAddrs: [address], bindAddrs: [LOOPBACK], logTo: () => {} },
      );
    });
    expect(asked).toEqual([
      ["register_actor", { uid: root, addr: ["127.0.0.1", port] }],
      ["find_actor", { name: "svc" }],
      ["find_actor", { name: "nobody" }],
      ["find_actor", { name: "svc" }],
      ["unregister_actor", { uid: root }],
    ]);
  });
});

describe("a look-up that is cancelled", () => {
  useCensus();

  it("at any of its pauses leaves nothing undone, and the next one is as the first", function* () {
    yield* openActorNursery(function* (an) {
      const bob = yield* an.startActor("bob", { enableModules });
      const asking = yield* an.startActor("asking", { enableModules });
      for (let pauses = 0; pauses < 25; pauses++) {
        yield* openNursery(function* (n) {
          n.startSoon(() => asking.run(asks, { name: "bob" }));
          yield* macrotasks(pauses);
          n.cancelScope.cancel("after some pauses");
        });
      }
      expect(yield* asking.run(asks, { name: "bob" })).toMatchObject({ uuid: bob.actor.uuid });
      an.cancelScope.cancel();
    });
  }, 60_000);

  it("at any of its pauses in this process leaves nothing undone either", function* () {
    const address = newAddress();
    yield* openRootActor(
      function* () {
        const peer = yield* connectTo(address);
        const far = `/unix${join(useTempDir(), "far")}`;
        yield* ask(peer, "_join", { actors: [wireActor("far")] });
        let listens = 0;
        peer.onStart = (start) => {
          if (start.func === "_listen") listens++;
          peer.say({ msg_type: "StartAck", cid: start.cid, functype: "asyncfunc" });
          if (start.func === "_cancel_task") peer.say({ msg_type: "CancelAck", cid: start.cid, pld: true });
          else peer.say({ msg_type: "Return", cid: start.cid, pld: [["unix", far.slice("/unix".length)]] });
        };
        yield* listening(
          far,
          (stream) => void new Peer(stream),
          function* () {
            for (let pauses = 0; pauses < 25; pauses++) {
              yield* openNursery(function* (n) {
                n.startSoon(() => errorOf(findActor("far", function* () {})));
                yield* macrotasks(pauses);
                n.cancelScope.cancel("after some pauses");
              });
            }
            expect(listens).toBeGreaterThan(0);
            // Whoever answers there is another actor than was registered: it is not taken for that one.
            expect(yield* errorOf(findActor("far", function* () {}))).toMatchObject({
              name: "ActorNotFound",
              message: expect.stringMatching(/there is peer@peer-uui by now/),
            });
          },
        );
        peer.connection.destroy();
      },
      { ensureRegistry: address },
    );
  });
});
