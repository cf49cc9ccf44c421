/** Trees whose actors ask for a secret: who has it, who has not, and who could see it. */
import { chmodSync, chownSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { type Operation, until } from "effection";
import {
  AuthenticationError,
  ConnectError,
  currentActor,
  type LogRecord,
  openActorNursery,
  openPortalTo,
  openRootActor,
  type Portal,
  type RootOptions,
  TransportClosed,
} from "espalier";
import { foreignOwner } from "../../core/ipc/unix-socket.ts";
import { actor, authority, strangersActor } from "../ipc/fixtures/certificates.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { startProgram } from "../support/program.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { calls, hasChildCall, shows, whoIsThere } from "./fixtures/secret.ts";

const SECRET = "what this tree alone has been told";
const OTHER = "what another one has been told";
const LOOPBACK = "/ip4/127.0.0.1/tcp/0";
const modules = [new URL("./fixtures/secret.ts", import.meta.url)];

/** A tree with a child that listens, and what it has logged. */
function* tree(
  options: RootOptions,
  bindAddrs: readonly string[],
  body: (listener: Portal, address: string) => Operation<void>,
  warm = 0,
): Operation<LogRecord[]> {
  const log: LogRecord[] = [];
  yield* openRootActor(
    () =>
      openActorNursery(
        function* (an) {
          const listener = yield* an.startActor("listener", { enableModules: modules, bindAddrs });
          yield* body(listener, listener.addresses[0] ?? "");
          yield* listener.cancelActor();
        },
        { warm },
      ),
    { ...options, logTo: (record) => log.push(record) },
  );
  return log;
}

const asks = (address: string, options = {}) =>
  openPortalTo(address, (portal) => portal.run(whoIsThere), { modules, ...options });

describe("a tree with a secret", () => {
  useCensus();

  it("has it in all its actors, who reach each other by TCP as without it", function* () {
    const log = yield* tree({ secret: SECRET }, [LOOPBACK], function* (listener, address) {
      expect(yield* asks(address)).toBe("listener");
      expect(yield* listener.run(calls, { address })).toBe("listener");
      expect(yield* listener.run(hasChildCall, { address })).toBe("listener");
    });
    expect(log).toEqual([]);
  });

  it("listens on all addresses of its host, if told to", function* () {
    yield* tree({ secret: SECRET }, ["/ip4/0.0.0.0/tcp/0"], function* (_, address) {
      expect(yield* asks(address.replace("0.0.0.0", "127.0.0.1"))).toBe("listener");
    });
  });

  it("hands it to actors that take a process that was waiting", function* () {
    yield* tree(
      { secret: SECRET },
      [LOOPBACK],
      function* (listener, address) {
        expect(yield* listener.run(calls, { address })).toBe("listener");
      },
      1,
    );
  });

  it("does not show it: not in what children inherit, nor in what is printed of an actor", function* () {
    process.env.ESPALIER_SECRET = SECRET;
    try {
      yield* tree({}, [LOOPBACK], function* (listener, address) {
        expect(yield* asks(address)).toBe("listener");
        const { inKernel, env } = yield* listener.run(shows);
        expect(inKernel).toContain("listener");
        expect(inKernel).not.toContain(SECRET);
        expect(env).toBeUndefined();
        expect(inspect(yield* currentActor(), { depth: 9, showHidden: true })).not.toContain(SECRET);
      });
      // Whoever set it here finds it as it was.
      expect(process.env.ESPALIER_SECRET).toBe(SECRET);
    } finally {
      delete process.env.ESPALIER_SECRET;
    }
  });

  it("gives a child the variable that it was told to give it", function* () {
    yield* openActorNursery(function* (an) {
      const env = { ESPALIER_SECRET: "for a program that it starts" };
      const child = yield* an.startActor("child", { enableModules: modules, env });
      expect((yield* child.run(shows)).env).toBe("for a program that it starts");
      yield* child.cancelActor();
    });
  });

  it("does not let in who has another or none, says so to both, and serves on", function* () {
    let wrong: unknown;
    let none: unknown;
    let fromChild: unknown;
    const log = yield* tree({ secret: SECRET }, [LOOPBACK], function* (listener, address) {
      wrong = yield* errorOf(asks(address, { secret: OTHER }));
      fromChild = yield* errorOf(listener.run(calls, { address, secret: OTHER }));
      const program = startProgram("tests/actor/fixtures/stranger.ts", { args: [address] });
      none = (yield* until(program.ended())).stdout;
      expect(yield* asks(address)).toBe("listener");
    });
    expect(wrong).toBeInstanceOf(AuthenticationError);
    expect(String(wrong)).toMatch(/cannot authenticate with \/ip4\/127.0.0.1\/tcp\/\d+: the secrets differ/);
    // From another actor it comes as itself.
    expect(fromChild).toBeInstanceOf(AuthenticationError);
    expect(none).toMatch(/TransportClosed: .*an actor that asks for a secret does that: give the same one/);
    expect(log.map(({ level, event, actor }) => `${level} ${event} ${actor.replace(/@.*/, "")}`)).toEqual(
      Array.from({ length: 3 }, () => "warn peer.refused listener"),
    );
    expect(log.map(({ message }) => message.replace(/.*\/tcp\/\d+: |;.*/g, ""))).toEqual([
      "the secrets differ",
      "the secrets differ",
      "it speaks no TLS: it was given no secret, or is no actor",
    ]);
    expect(JSON.stringify(log)).not.toMatch(new RegExp(`${SECRET}|${OTHER}`));
  });

  it("is not suspected where somebody answers who is no actor", function* () {
    const web = createServer(
      (socket) =>
        void socket
          .on("error", () => {})
          .resume()
          .end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    web.listen(0, "127.0.0.1");
    while (!web.listening) yield* macrotasks(1);
    const { port } = web.address() as AddressInfo;
    yield* openRootActor(function* () {
      const error = yield* errorOf(asks(`/ip4/127.0.0.1/tcp/${port}`));
      expect(String(error)).toMatch(/TransportClosed: .*received a frame of \d+ bytes/);
    });
    web.close();
  });

  it("does not ask for it on a Unix socket: nobody else can get there", function* () {
    yield* tree({ secret: SECRET }, [`/unix${join(useTempDir(), "a.sock")}`], function* (_, address) {
      const program = startProgram("tests/actor/fixtures/stranger.ts", { args: [address, "nobody"] });
      const { stdout } = yield* until(program.ended());
      expect(stdout).toMatch(process.getuid?.() === 0 ? /ConnectError: .*EACCES/ : /reached it/);
      expect(yield* asks(address)).toBe("listener");
    });
  });

  it("uses certificates where they are given", function* () {
    const tls = { ...actor, ca: authority };
    yield* tree({ secret: SECRET, tls }, [LOOPBACK], function* (listener, address) {
      expect(yield* asks(address)).toBe("listener");
      expect(yield* listener.run(calls, { address })).toBe("listener");
      // Its own secret, and other certificates.
      const error = yield* errorOf(asks(address, { tls: { ca: strangersActor.cert } }));
      expect(error).toBeInstanceOf(AuthenticationError);
    });
  });

  it("is reached by a program that was given the secret by its environment, or by an option", function* () {
    const daemon = startProgram("tests/actor/fixtures/secret-daemon.ts", { env: { ESPALIER_SECRET: SECRET } });
    const [, address = ""] = yield* until(daemon.outputHas(/^(\/ip4\/.*)$/m));
    yield* openRootActor(function* () {
      expect(yield* asks(address, { secret: SECRET })).toBe("daemon");
      const program = startProgram("tests/actor/fixtures/stranger.ts", {
        args: [address],
        env: { ESPALIER_SECRET: SECRET },
      });
      expect((yield* until(program.ended())).stdout).toBe("reached it\n");
      expect(yield* errorOf(asks(address))).toBeInstanceOf(TransportClosed);
    });
    daemon.signal("SIGTERM");
    yield* until(daemon.ended());
  });
});

describe("a secret that cannot be used", () => {
  useCensus();

  it.each([
    ["too short", { secret: "short" }, RangeError, /openRootActor: secret must have 16 to 1024 bytes, got 5/],
    ["of no use alone", { tls: actor }, TypeError, /openRootActor: tls says who listens/],
    [
      "beside certificates that are none",
      { secret: SECRET, tls: { key: "k", cert: "c" } },
      TypeError,
      /tls: key, cert and ca must be PEM/,
    ],
  ] as const)("is refused before anything is started if it is %s", function* (_what, options, type, message) {
    const error = yield* errorOf(openRootActor(function* () {}, options));
    expect(error).toBeInstanceOf(type);
    expect(String(error)).toMatch(message);
    yield* openRootActor(function* () {}, { secret: SECRET });
  });

  it("is refused by the call that it is given to", function* () {
    yield* openRootActor(function* () {
      const error = yield* errorOf(asks(LOOPBACK, { secret: "short" }));
      expect(String(error)).toMatch(/RangeError: openPortalTo: secret must have/);
      expect(String(yield* errorOf(asks(LOOPBACK, { tls: {} })))).toMatch(/TypeError: openPortalTo: tls says who/);
      // As from a variable that is not set: it must not mean that none is needed.
      expect(String(yield* errorOf(asks(LOOPBACK, { secret: "" })))).toMatch(/RangeError: openPortalTo: secret must/);
      const tls = { ca: "nobody" };
      expect(String(yield* errorOf(asks(LOOPBACK, { secret: SECRET, tls })))).toMatch(
        /TypeError: tls: key, cert and ca/,
      );
    });
  });

  it("keeps an actor from other hosts if there is none, whichever way", function* () {
    yield* openRootActor(function* () {
      const error = yield* errorOf(asks("/ip4/192.0.2.1/tcp/1616"));
      expect(error).toBeInstanceOf(ConnectError);
      expect(String(error)).toMatch(/who listens on another host has to know a secret/);
    });
    const listening = openRootActor(function* () {}, { bindAddrs: ["/ip4/0.0.0.0/tcp/0"] });
    expect(String(yield* errorOf(listening))).toMatch(
      /ListenError: .*other hosts can reach it, and no secret says who may connect/,
    );
  });
});

describe("a Unix socket", () => {
  useCensus();

  const file = (path: string, uid: number, mode: number) => ({ path, uid, mode });

  it.each([
    ["its own, in its own directory", 1000, file("/run/x", 1000, 0o700), file("/run/x/s", 1000, 0o600), undefined],
    ["its own, in one that others may read", 1000, file("/x", 1000, 0o755), file("/x/s", 1000, 0o600), undefined],
    ["its own, in /tmp", 1000, file("/tmp", 0, 0o1777), file("/tmp/s", 1000, 0o600), undefined],
    ["root's", 1000, file("/run", 0, 0o755), file("/run/s", 0, 0o666), undefined],
    ["anybody's, if it is root", 0, file("/x", 7, 0o777), file("/x/s", 7, 0o600), undefined],
    [
      "another user's",
      1000,
      file("/tmp", 0, 0o1777),
      file("/tmp/s", 7, 0o666),
      /\/tmp\/s belongs to another user \(uid 7\)/,
    ],
    [
      "in another user's directory",
      1000,
      file("/x", 7, 0o755),
      file("/x/s", 1000, 0o600),
      /\/x belongs to another user/,
    ],
    [
      "where others can put theirs",
      1000,
      file("/x", 1000, 0o777),
      file("/x/s", 1000, 0o600),
      /other users can replace it: \/x has mode 777/,
    ],
  ])("is trusted, or not: %s", (_what, user, folder, socket, problem) => {
    const found = foreignOwner(user, socket, folder);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
  });

  it("that another user has made is not connected to", function* () {
    if (process.getuid?.() !== 0) return; // it takes root to make one in the name of another user
    const folder = useTempDir();
    for (const open of [tmpdir(), folder]) chmodSync(open, 0o711);
    const path = join(folder, "a.sock");
    let connected = 0;
    const server = createServer((socket) => {
      connected++;
      socket.destroy();
    });
    server.listen(path);
    while (!server.listening) yield* macrotasks(1);
    chmodSync(path, 0o777);
    chownSync(path, 1_234, 1_234);
    const program = startProgram("tests/actor/fixtures/stranger.ts", { args: [`/unix${path}`, "nobody"] });
    const { stdout } = yield* until(program.ended());
    server.close();
    expect(stdout).toMatch(/ConnectError: .*a.sock belongs to another user \(uid 1234\)/);
    expect(connected).toBe(0);
  });
});
