/** Actors that are reached by their address: by siblings, by other programs, and by whoever else connects. */
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { type Operation, until } from "effection";
import {
  ConnectError,
  ExceptionGroup,
  each,
  openActorNursery,
  openNursery,
  openPortalTo,
  openRootActor,
  type Portal,
  TransportClosed,
} from "espalier";
import { Connection } from "../../core/ipc/connection.ts";
import { park } from "../../core/sc/park.ts";
import { useCensus } from "../support/census.ts";
import { PairedStream } from "../support/duplex-pair.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { startProgram } from "../support/program.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { asks, hasJobsDone, letters, release, whoIsThere } from "./fixtures/peers.ts";

const modules = [new URL("./fixtures/peers.ts", import.meta.url)];
const LOOPBACK = "/ip4/127.0.0.1/tcp/0";

/** A child that listens on `bindAddrs`, and then ends. */
const withListener = (bindAddrs: readonly string[], body: (portal: Portal) => Operation<void>) =>
  openActorNursery(function* (an) {
    const portal = yield* an.startActor("listener", { enableModules: modules, bindAddrs });
    yield* body(portal);
    yield* portal.cancelActor();
  });

describe("an actor that listens", () => {
  useCensus();

  it.each(["unix", "tcp"])("is called by %s by who knows its address", function* (transport) {
    const address = transport === "unix" ? `/unix${join(useTempDir(), "a.sock")}` : LOOPBACK;
    yield* withListener([address], function* (listener) {
      const [bound = ""] = listener.addresses;
      expect(bound).toMatch(transport === "unix" ? /^\/unix\/.*a\.sock$/ : /^\/ip4\/127.0.0.1\/tcp\/[1-9]\d*$/);
      yield* openPortalTo(
        bound,
        function* (portal) {
          expect(portal.actor).toEqual(listener.actor);
          expect(yield* portal.run(whoIsThere)).toMatchObject({ name: "listener", addresses: [bound] });
          const got = yield* portal.openStreamFrom(letters, {}, function* (stream) {
            let all = "";
            for (const letter of yield* each(stream)) {
              all += letter;
              yield* each.next();
            }
            return all;
          });
          expect(got).toBe("abc");
        },
        { modules },
      );
    });
  });

  it("on several addresses is the same one on each", function* () {
    yield* withListener([LOOPBACK, `/unix${join(useTempDir(), "a.sock")}`], function* (listener) {
      for (const address of listener.addresses) {
        const who = yield* openPortalTo(address, (portal) => portal.run(whoIsThere), { modules });
        expect(who.addresses).toEqual(listener.addresses);
      }
      expect(listener.addresses).toHaveLength(2);
    });
  });

  it("is called by its sibling, without its parent between them", function* () {
    yield* withListener([LOOPBACK], function* (listener) {
      yield* openActorNursery(function* (an) {
        const sibling = yield* an.startActor("sibling", { enableModules: modules });
        const [address = ""] = listener.addresses;
        expect(yield* sibling.run(asks, { address })).toMatchObject({ name: "listener" });
        yield* sibling.cancelActor();
      });
    });
  });

  it("may be the root, which others then call, and cancel", function* () {
    let isAfter = false;
    const ended = yield* openRootActor(
      function* (root) {
        yield* openActorNursery(function* (an) {
          const child = yield* an.startActor("child", { enableModules: modules });
          const [address = ""] = root.addresses;
          expect(yield* child.run(asks, { address })).toMatchObject({ name: "top", pid: process.pid });
          yield* child.cancelActor();
        });
        yield* openPortalTo(root.addresses[0] ?? "", (portal) => portal.cancelActor());
        yield* macrotasks(50);
        isAfter = true;
      },
      { name: "top", bindAddrs: [LOOPBACK], enableModules: modules },
    );
    expect(isAfter).toBe(false);
    expect(ended).toBeUndefined();
  });

  it.each([
    ["an address that is none", ["/ip4/127.0.0.1"], /address must look like/],
    [
      "another host's address",
      ["/ip4/0.0.0.0/tcp/0"],
      /cannot listen on \/ip4\/0.0.0.0\/tcp\/0: other hosts can reach it/,
    ],
  ])("is not started with %s", function* (_what, bindAddrs, message) {
    const error = yield* errorOf(withListener(bindAddrs, function* () {}));
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect(String((error as ExceptionGroup).leaves()[0])).toMatch(message);
  });

  it("is not there any more when it has ended", function* () {
    let address = "";
    yield* withListener([LOOPBACK], function* (listener) {
      address = listener.addresses[0] ?? "";
    });
    yield* openRootActor(function* () {
      expect(yield* errorOf(openPortalTo(address, function* () {}))).toBeInstanceOf(ConnectError);
    });
  });
});

function* ended(socket: Socket): Operation<void> {
  if (socket.destroyed) return;
  yield* park<void>(
    "the socket's end",
    ({ wake }) => {
      socket.once("close", () => wake());
      return () => true;
    },
    { byHost: true },
  );
}

describe("who connects and is no actor", () => {
  useCensus();

  const overlong = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x80]);
  const notAid = Buffer.from([1, 0, 0, 0, 0x80]);
  it.each([
    ["speaks HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["speaks TLS", Buffer.from("16030100c8010000c40303", "hex")],
    ["sends a frame that is too long", overlong],
    ["sends an empty frame", Buffer.alloc(4)],
    ["begins with something else", notAid],
    ["sends half a frame and leaves", Buffer.from([100, 0, 0, 0, 0x86])],
    ["leaves at once", Buffer.alloc(0)],
  ])("B47 %s is disconnected, and the actor serves on", function* (_what, bytes) {
    yield* withListener([LOOPBACK], function* (listener) {
      const port = Number(listener.addresses[0]?.split("/").at(-1));
      const sockets = Array.from({ length: 5 }, () => createConnection({ host: "127.0.0.1", port }));
      for (const socket of sockets) {
        socket.on("error", () => {}).resume();
        if (bytes.length < 10 && bytes !== overlong && bytes !== notAid) socket.end(bytes);
        else socket.write(bytes);
      }
      for (const socket of sockets) yield* ended(socket);
      expect(yield* listener.run(whoIsThere)).toMatchObject({ name: "listener" });
    });
  });

  it("B47 says nothing is disconnected when the time for that is up", function* () {
    const [left] = PairedStream.make();
    const closed: Error[] = [];
    const listener = { message() {}, undecodable() {}, drained() {}, closed: (error: Error) => closed.push(error) };
    const self = { name: "a", uuid: "a", pid: 1, is_registrar: null, is_probe: false };
    const connection = new Connection(left, self, listener, { handshakeMs: 5 });
    const refused = yield* errorOf(connection.greeted.wait());
    expect(refused).toBeInstanceOf(TransportClosed);
    expect(String(closed[0])).toMatch(/did not say who it is within 5 ms/);
  });
});

describe("a connection that is lost", () => {
  useCensus();

  it("B20 B46 cancels what was asked over it, but not what was asked for detached; the actor serves on", function* () {
    const log = new LogFile();
    yield* withListener([LOOPBACK], function* (listener) {
      const address = listener.addresses[0] ?? "";
      yield* errorOf(
        openActorNursery(function* (an) {
          const asking = yield* an.startActor("asking", { enableModules: modules });
          yield* openNursery(function* (n) {
            n.startSoon(function* () {
              yield* errorOf(asking.run(hasJobsDone, { address, log: log.path }));
            });
            yield* log.has("ordinary began");
            yield* log.has("detached began");
            process.kill((yield* asking.run(whoIsThere)).pid, "SIGKILL");
          });
        }),
      );
      yield* log.has("ordinary cancelled");
      yield* listener.run(release);
      yield* log.has("detached finished");
      // Its result had nobody to go to.
      expect(yield* listener.run(whoIsThere)).toMatchObject({ name: "listener" });
    });
  });
});

describe("a daemon", () => {
  useCensus();

  it("serves other programs until one cancels it, and then ends with 0", function* () {
    const path = join(useTempDir(), "d.sock");
    const program = startProgram("tests/actor/fixtures/daemon.ts", { args: [`/unix${path}`] });
    yield* openRootActor(function* () {
      for (;;) {
        try {
          yield* openPortalTo(
            `/unix${path}`,
            function* (portal) {
              expect(yield* portal.run(whoIsThere)).toMatchObject({ name: "daemon" });
              yield* portal.cancelActor();
            },
            { modules },
          );
          return;
        } catch (error) {
          // It has not come up yet.
          if (!(error instanceof ConnectError)) throw error;
          yield* macrotasks(20);
        }
      }
    });
    expect(yield* until(program.ended())).toMatchObject({ code: 0, stderr: "" });
  });
});
