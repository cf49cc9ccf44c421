/** Peers that share a secret, and those that do not, over real sockets. */
import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer, connect as tlsConnect } from "node:tls";
import type { Operation } from "effection";
import { AuthenticationError, ConnectError } from "../../core/errors/mod.ts";
import { type CredentialOptions, Credentials } from "../../core/ipc/credentials.ts";
import { Entrance } from "../../core/ipc/entrance.ts";
import {
  HANDSHAKE_TIMEOUT_MS,
  MAX_REFUSALS_LOGGED,
  MAX_UNAUTHENTICATED,
  REFUSAL_LOG_PERIOD_MS,
} from "../../core/ipc/limits.ts";
import { openConnection, openListener } from "../../core/ipc/listener.ts";
import { journal, type LogRecord } from "../../core/log/mod.ts";
import { moveOnAfter } from "../../core/sc/timeouts.ts";
import { VirtualClock } from "../../core/sc/virtual-clock.ts";
import { type Address, parseAddress } from "../../core/wire/mod.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { actor, authority, elsewhere, strangersActor } from "./fixtures/certificates.ts";

const LOOPBACK = parseAddress("/ip4/127.0.0.1/tcp/0");
const SECRET = "known to both, and to nobody else";

function credentials(options: CredentialOptions = {}): Credentials {
  const made = Credentials.from({ secret: SECRET, ...options }, "the test");
  if (made === undefined) throw new Error("there is a secret");
  return made;
}

const certified = (more: CredentialOptions["tls"] = {}) => credentials({ tls: { ...actor, ca: authority, ...more } });

type TcpAddress = Address & { readonly transport: "tcp" };

const GREETING = Buffer.from(`espalier-auth/1\n${"n".repeat(32)}`);

interface Guarded {
  readonly at: TcpAddress;
  /** The streams of peers that know the secret. */
  readonly accepted: Duplex[];
  readonly log: LogRecord[];
  /** Wait until `log` has as many records. */
  logs(count: number): Operation<void>;
}

/** A listener that asks for credentials, and the log of this process while it listens. */
function* guarded(own: Credentials, body: (guarded: Guarded) => Operation<void>): Operation<LogRecord[]> {
  const log: LogRecord[] = [];
  const accepted: Duplex[] = [];
  const self = { name: "listener", uuid: "listener-uuid" };
  const close = journal.open({ actor: self, level: "warn", fixed: false, sink: (record) => log.push(record) });
  const accept = (stream: Duplex) => {
    accepted.push(stream.on("error", () => {}));
    stream.on("data", (chunk: Buffer) => stream.write(chunk));
  };
  try {
    yield* openListener(LOOPBACK, own, accept, function* (at) {
      if (at.transport !== "tcp") throw new Error("bound to TCP");
      yield* body({
        at,
        accepted,
        log,
        *logs(count) {
          while (log.length < count) yield* macrotasks(1);
        },
      });
    });
  } finally {
    for (const stream of accepted) stream.destroy();
    close();
  }
  return log;
}

/** What comes back for `text`. */
function* echo(stream: Duplex, text: string): Operation<string> {
  let heard = "";
  stream.on("data", (chunk: Buffer) => {
    heard += chunk;
  });
  stream.write(text);
  while (heard.length < text.length) yield* macrotasks(1);
  return heard;
}

function* closed(socket: Socket): Operation<void> {
  while (!socket.closed) yield* macrotasks(1);
}

/** Somebody at the port who is not an actor. */
function rawPeer(at: { readonly host: string; readonly port: number }): Socket & { heard: Buffer } {
  const socket = Object.assign(createConnection(at), { heard: Buffer.alloc(0) });
  socket
    .on("error", () => {})
    .on("data", (chunk: Buffer) => {
      socket.heard = Buffer.concat([socket.heard, chunk]);
    });
  return socket;
}

/** Run `body` while `server` listens on a port of its own; its connections are ended with it. */
function* listening(server: Server, body: (at: Address) => Operation<void>): Operation<void> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  try {
    while (!server.listening) yield* macrotasks(1);
    const bound = server.address();
    if (bound === null || typeof bound === "string") throw new Error("bound to TCP");
    yield* body(parseAddress(`/ip4/127.0.0.1/tcp/${bound.port}`));
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

const OTHER = { secret: "something else entirely" };
const WAYS = [
  ["the secret alone", credentials, () => credentials(OTHER)],
  ["certificates", certified, () => credentials({ ...OTHER, tls: { ...actor, ca: authority } })],
] as const;

describe.each(WAYS)("peers that know the secret, by %s,", (_way, own, other) => {
  useCensus();

  it("reach each other, and what they send arrives whole, both ways", function* () {
    const text = "0123456789".repeat(100_000);
    const log = yield* guarded(own(), function* ({ at, accepted }) {
      const near = yield* openConnection(at, own());
      expect(yield* echo(near, text)).toBe(text);
      expect(accepted).toHaveLength(1);
      near.destroy();
    });
    expect(log).toEqual([]);
  });

  it("are not overheard: neither the secret nor what they say is on the wire, and no two handshakes are alike", function* () {
    const tapped: string[] = [];
    yield* guarded(own(), function* ({ at }) {
      const wires: Buffer[][] = [];
      const tap = createServer((socket) => {
        const far = rawPeer(at);
        const wire: Buffer[] = [];
        wires.push(wire);
        for (const [from, to] of [
          [socket, far],
          [far, socket],
        ] as const) {
          from.on("data", (chunk: Buffer) => {
            wire.push(chunk);
            to.write(chunk);
          });
          from.on("close", () => to.destroy());
        }
      });
      yield* listening(tap, function* (through) {
        for (let i = 0; i < 2; i++) {
          const near = yield* openConnection(through, own());
          expect(yield* echo(near, "a confidential matter")).toBe("a confidential matter");
          near.destroy();
        }
      });
      tapped.push(...wires.map((wire) => Buffer.concat(wire).toString("latin1")));
    });
    expect(tapped).toHaveLength(2);
    for (const wire of tapped) {
      expect(wire.length).toBeGreaterThan(300);
      expect(wire).not.toContain(SECRET);
      expect(wire).not.toContain("confidential");
      expect(wire).not.toContain("espalier-auth");
    }
    expect(tapped[0]?.slice(0, 200)).not.toBe(tapped[1]?.slice(0, 200));
  });

  it("keep out one that knows another: both sides say that the secrets differ, and neither says which they are", function* () {
    const wrong = other();
    let refused: unknown;
    const log = yield* guarded(own(), function* ({ at, accepted, logs }) {
      refused = yield* errorOf(openConnection(at, wrong));
      yield* logs(1);
      expect(accepted).toEqual([]);
      const near = yield* openConnection(at, own());
      near.destroy();
    });
    expect(refused).toBeInstanceOf(AuthenticationError);
    expect(String(refused)).toMatch(
      /with \/ip4\/127.0.0.1\/tcp\/\d+: the secrets differ; give both sides the same one/,
    );
    expect(log).toMatchObject([{ level: "warn", event: "peer.refused", fields: { error: "AuthenticationError" } }]);
    expect(log[0]?.message).toMatch(/a peer was refused: .* with \/ip4\/127.0.0.1\/tcp\/\d+: the secrets differ/);
    for (const text of [String(refused), JSON.stringify(log)]) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain("something else");
    }
  });

  it("are not impressed by a recording of one of them", function* () {
    const recorded: Buffer[] = [];
    const log = yield* guarded(own(), function* ({ at, accepted, logs }) {
      const tap = createServer((socket) => {
        const far = rawPeer(at);
        socket.on("data", (chunk: Buffer) => {
          recorded.push(chunk);
          far.write(chunk);
        });
        far.on("data", (chunk: Buffer) => socket.write(chunk));
        socket.on("close", () => far.destroy());
      });
      yield* listening(tap, function* (through) {
        const near = yield* openConnection(through, own());
        near.destroy();
      });
      expect(accepted).toHaveLength(1);
      const again = rawPeer(at);
      for (const chunk of recorded) {
        again.write(chunk);
        yield* macrotasks(5);
      }
      yield* closed(again);
      yield* logs(1);
      expect(accepted).toHaveLength(1);
    });
    expect(log).toMatchObject([{ event: "peer.refused" }]);
  });

  it.each([
    ["speaks HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["says who it is and no more", Buffer.from([20, 0, 0, 0, 0x86, 0xa8])],
    ["begins with TLS and goes on with noise", Buffer.from(`16030100c8${"ab".repeat(200)}`, "hex")],
    ["leaves at once", Buffer.alloc(0)],
  ])("B47 keep out who %s, and go on", function* (_what, bytes) {
    const log = yield* guarded(own(), function* ({ at, accepted, logs }) {
      const sockets = Array.from({ length: 3 }, () => rawPeer(at));
      for (const socket of sockets) {
        if (bytes.length === 0) socket.end();
        else socket.write(bytes);
      }
      for (const socket of sockets) yield* closed(socket);
      yield* logs(3);
      expect(accepted).toEqual([]);
      const near = yield* openConnection(at, own());
      expect(yield* echo(near, "still here")).toBe("still here");
      near.destroy();
    });
    expect(log.map(({ event }) => event)).toEqual(["peer.refused", "peer.refused", "peer.refused"]);
  });

  it("do not take one for a peer that knows none, and say so", function* () {
    const plain = createServer((socket) => void socket.write(Buffer.from([20, 0, 0, 0, 0x86, 0xa8])));
    yield* listening(plain, function* (at) {
      const error = yield* errorOf(openConnection(at, own()));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(String(error)).toMatch(/it speaks no TLS: it was given no secret, or is no actor/);
    });
  });

  it("hear of one that hangs up in the middle", function* () {
    const rude = createServer((socket) => void socket.once("data", () => socket.destroy()));
    yield* listening(rude, function* (at) {
      expect(String(yield* errorOf(openConnection(at, own())))).toMatch(/AuthenticationError.*it ended the connection/);
    });
  });

  it("are let go wherever the connection is cut, and the listener goes on", function* () {
    let ends = 0;
    yield* guarded(own(), function* ({ at, accepted }) {
      let left = 0;
      const scissors = createServer((near) => {
        const far = rawPeer(at);
        const cut = () => {
          near.destroy();
          far.destroy();
        };
        const pass = (to: Socket) => (chunk: Buffer) => {
          to.write(chunk.subarray(0, left));
          left -= chunk.length;
          if (left <= 0) cut();
        };
        near.on("data", pass(far)).on("close", cut);
        far.on("data", pass(near)).on("close", cut);
      });
      yield* listening(scissors, function* (through) {
        for (let bytes = 0; ; bytes += 23) {
          left = bytes;
          try {
            (yield* openConnection(through, own())).destroy();
            break;
          } catch (error) {
            expect(error).toBeInstanceOf(AuthenticationError);
            ends++;
          }
        }
      });
      expect(accepted.length).toBeGreaterThan(0);
    });
    expect(ends).toBeGreaterThan(20);
  });

  it("can stop waiting for one that says nothing", function* () {
    const silent = createServer((socket) => void socket.resume());
    yield* listening(silent, function* (at) {
      expect(yield* moveOnAfter(50, () => openConnection(at, own()))).toBeUndefined();
    });
  });
});

describe("a peer that goes by the protocol page", () => {
  useCensus();

  it("passes, with nothing of ours", function* () {
    const hkdf = (use: string) => Buffer.from(hkdfSync("sha256", SECRET, "", `espalier-auth/1 ${use}`, 32));
    yield* guarded(credentials(), function* ({ at, accepted }) {
      const socket = tlsConnect({
        host: at.host,
        port: at.port,
        minVersion: "TLSv1.2",
        maxVersion: "TLSv1.2",
        ciphers: "ECDHE-PSK-CHACHA20-POLY1305",
        pskCallback: () => ({ psk: hkdf("tls-psk"), identity: "espalier" }),
        checkServerIdentity: () => undefined,
      });
      let heard = Buffer.alloc(0);
      socket
        .on("error", () => {})
        .on("data", (chunk: Buffer) => {
          heard = Buffer.concat([heard, chunk]);
        });
      const greeting = Buffer.concat([Buffer.from("espalier-auth/1\n"), randomBytes(32)]);
      socket.write(greeting);
      while (heard.length < 48) yield* macrotasks(1);
      const binding = socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
      const transcript = Buffer.concat([greeting, heard.subarray(0, 48), binding]);
      const proof = (role: string) =>
        createHmac("sha256", hkdf("challenge")).update(role).update(transcript).digest("hex");
      // What follows the proof at once is for the actor.
      socket.write(Buffer.concat([Buffer.from(`01${proof("initiator")}`, "hex"), Buffer.from("echo")]));
      while (heard.length < 48 + 33 + 4) yield* macrotasks(1);
      expect(heard.subarray(48, 81).toString("hex")).toBe(`01${proof("responder")}`);
      expect(heard.subarray(81).toString()).toBe("echo");
      expect(accepted).toHaveLength(1);
      socket.destroy();
    });
  });
});

describe("certificates", () => {
  useCensus();

  function* between(listener: Credentials, peer: Credentials): Operation<[unknown, LogRecord[]]> {
    let error: unknown;
    const log = yield* guarded(listener, function* ({ at, logs, accepted }) {
      error = yield* errorOf(openConnection(at, peer));
      yield* logs(1);
      expect(accepted).toEqual([]);
    });
    return [error, log];
  }

  it("of an authority that is not trusted are refused", function* () {
    const [error, log] = yield* between(credentials({ tls: strangersActor }), certified());
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(String(error)).toMatch(/its certificate is refused: .*; see the options tls.ca and tls.serverName/);
    expect(log).toMatchObject([{ event: "peer.refused" }]);
  });

  it("are not trusted unless their authority is named", function* () {
    const [error] = yield* between(certified(), credentials({ tls: actor }));
    expect(String(error)).toMatch(/its certificate is refused/);
  });

  it("of another name are refused, unless that is the name", function* () {
    const [error] = yield* between(credentials({ tls: elsewhere }), certified());
    expect(String(error)).toMatch(/its certificate is refused: .*127.0.0.1/);
    yield* guarded(credentials({ tls: elsewhere }), function* ({ at }) {
      const near = yield* openConnection(at, credentials({ tls: { ca: authority, serverName: "elsewhere.example" } }));
      expect(yield* echo(near, "hello")).toBe("hello");
      near.destroy();
    });
  });

  it.each([
    ["the listener", certified, credentials],
    ["the peer", credentials, certified],
  ])("that only %s has are told of", function* (_who, listener, peer) {
    const [error, log] = yield* between(listener(), peer());
    expect(String(error)).toMatch(
      /no encryption that both sides take; give the option tls to both of them, or to none/,
    );
    expect(log[0]?.message).toMatch(/no encryption that both sides take/);
  });

  it("are what who listens must have", function* () {
    const error = yield* errorOf(
      openListener(
        LOOPBACK,
        credentials({ tls: { ca: authority } }),
        () => {},
        function* () {},
      ),
    );
    expect(String(error)).toMatch(/ListenError: .*: the option tls has no key and cert/);
  });

  it("do not help who has one and not the secret, and passes on what the others say", function* () {
    let error: unknown;
    const log = yield* guarded(certified(), function* ({ at, accepted, logs }) {
      const between = createTlsServer({ ...actor, minVersion: "TLSv1.3" }, (near) => {
        const far = tlsConnect({ host: at.host, port: at.port, ca: authority });
        near.on("error", () => {}).on("close", () => far.destroy());
        far.on("error", () => {}).on("close", () => near.destroy());
        near.pipe(far).pipe(near);
      });
      yield* listening(between, function* (through) {
        error = yield* errorOf(openConnection(through, certified()));
      });
      yield* logs(1);
      expect(accepted).toEqual([]);
    });
    expect(String(error)).toMatch(/the secrets differ/);
    expect(log[0]?.message).toMatch(/the secrets differ/);
  });
});

describe("who speaks TLS, and does not know the secret,", () => {
  useCensus();

  /** Its end of a TLS connection, with what it hears. */
  function tlsPeer({ host, port }: TcpAddress) {
    const peer = { socket: tlsConnect({ host, port, ca: authority }), heard: Buffer.alloc(0) };
    peer.socket
      .on("error", () => {})
      .on("data", (chunk: Buffer) => {
        peer.heard = Buffer.concat([peer.heard, chunk]);
      });
    return peer;
  }

  it("hears a new greeting each time", function* () {
    const greetings: Buffer[] = [];
    yield* guarded(certified(), function* ({ at }) {
      for (let i = 0; i < 2; i++) {
        const peer = tlsPeer(at);
        while (peer.heard.length < 48) yield* macrotasks(1);
        peer.socket.destroy();
        greetings.push(peer.heard);
      }
    });
    expect(greetings.map((greeting) => greeting.length)).toEqual([48, 48]);
    expect(greetings[0]?.subarray(0, 16)).toEqual(greetings[1]?.subarray(0, 16));
    expect(greetings[0]?.subarray(16)).not.toEqual(greetings[1]?.subarray(16));
  });

  it.each([
    [
      "begins with a message, as if it had not been asked",
      Buffer.from([20, 0, 0, 0, 0x86]),
      [],
      /is no answer to a challenge/,
    ],
    ["guesses", Buffer.concat([GREETING, Buffer.from([1]), Buffer.alloc(32)]), [0, 2], /the secrets differ/],
    [
      "is of another version",
      Buffer.from(`espalier-auth/9\n${"n".repeat(32)}`),
      [0, 1],
      /another version of the challenge/,
    ],
  ])("and %s, is refused", function* (_what, bytes, reason, why) {
    let heard = Buffer.alloc(0);
    const log = yield* guarded(certified(), function* ({ at, accepted, logs }) {
      const peer = tlsPeer(at);
      peer.socket.write(bytes);
      yield* closed(peer.socket);
      yield* logs(1);
      heard = peer.heard;
      expect(accepted).toEqual([]);
    });
    expect(log[0]?.message).toMatch(why);
    // After the greeting.
    expect([...heard.subarray(48)]).toEqual(reason);
  });
});

describe("the entrance", () => {
  useCensus();

  it("lets those that have waited longest go for those that come: who only connects keeps nobody out", function* () {
    const log = yield* guarded(credentials(), function* ({ at, accepted, logs }) {
      const [first, ...silent] = Array.from({ length: MAX_UNAUTHENTICATED }, () => rawPeer(at));
      for (const socket of silent) while (socket.connecting) yield* macrotasks(1);
      const near = yield* openConnection(at, credentials());
      expect(accepted).toHaveLength(1);
      yield* closed(first as Socket);
      yield* logs(1);
      expect(silent.filter((socket) => socket.closed)).toEqual([]);
      near.destroy();
    });
    // Those that waited went with the listener: they were not refused.
    expect(log).toHaveLength(1);
    expect(log[0]?.message).toMatch(/64 others have connected since, and it has not shown that it knows the secret/);
  });

  it("has told of ten refused peers by the minute, and counts the others", function* () {
    const log = yield* guarded(credentials(), function* ({ at }) {
      for (let i = 0; i < MAX_REFUSALS_LOGGED + 3; i++) {
        const socket = rawPeer(at);
        socket.write("GET / HTTP/1.1\r\n\r\n");
        yield* closed(socket);
      }
    });
    expect(log.map(({ event }) => event)).toEqual([
      ...Array.from({ length: MAX_REFUSALS_LOGGED }, () => "peer.refused"),
      "peers.refused",
    ]);
    expect(log.at(-1)).toMatchObject({ message: expect.stringMatching(/^3 more peers were refused/) });
  });

  it("B47 sends away who says nothing when its time is up, and tells of refused peers again after a while", function* () {
    const clock = new VirtualClock();
    const log: LogRecord[] = [];
    const self = { name: "a", uuid: "a" };
    const close = journal.open({ actor: self, level: "warn", fixed: false, sink: (record) => log.push(record) });
    const entrance = new Entrance(LOOPBACK, credentials(), () => {}, clock);
    const server = createServer(entrance.enter);
    yield* listening(server, function* (at) {
      if (at.transport !== "tcp") throw new Error("bound to TCP");
      const comers = function* (count: number): Operation<void> {
        const entered: Socket[] = [];
        server.on("connection", (socket) => entered.push(socket));
        const sockets = Array.from({ length: count }, () => rawPeer(at));
        while (entered.length < count) yield* macrotasks(1);
        server.removeAllListeners("connection").on("connection", entrance.enter);
        yield* clock.advance(HANDSHAKE_TIMEOUT_MS - 1);
        yield* macrotasks(5);
        expect(sockets.filter((socket) => socket.closed)).toEqual([]);
        yield* clock.advance(1);
        for (const socket of sockets) yield* closed(socket);
      };
      yield* comers(MAX_REFUSALS_LOGGED + 2);
      expect(log).toHaveLength(MAX_REFUSALS_LOGGED);
      expect(log[0]?.message).toMatch(/it did not show within 5000 ms that it knows the secret/);
      yield* clock.advance(REFUSAL_LOG_PERIOD_MS);
      yield* comers(1);
      expect(log.slice(MAX_REFUSALS_LOGGED).map(({ event }) => event)).toEqual(["peers.refused", "peer.refused"]);
      expect(log[MAX_REFUSALS_LOGGED]?.message).toMatch(/^2 more peers were refused/);
    });
    entrance.end();
    close();
  });
});

describe("without a secret", () => {
  useCensus();

  it.each(["/ip4/10.0.0.1/tcp/1616", "/ip6/2001:db8::1/tcp/1616", "/dns4/host.example/tcp/1616"])(
    "nobody is connected to at %s",
    function* (address) {
      const error = yield* errorOf(openConnection(parseAddress(address), undefined));
      expect(error).toBeInstanceOf(ConnectError);
      expect(String(error)).toMatch(/who listens on another host has to know a secret.*or set ESPALIER_SECRET/);
    },
  );
});
