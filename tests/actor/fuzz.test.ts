/**
 * Bytes that no peer should send, by every way into an actor: B47. In memory by the thousand, to real processes some.
 * `FUZZ=20 npx vitest run tests/actor/fuzz.test.ts` tries that many times as many.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { type Operation, until } from "effection";
import * as espalier from "espalier";
import {
  ActorSpawnError,
  ExceptionGroup,
  isCancelled,
  openActorNursery,
  openNursery,
  openPortalTo,
  openRootActor,
  Portal,
  run,
  TransportClosed,
} from "espalier";
import fc from "fast-check";
import { ownFile } from "../../core/own-files.ts";
import { Channel } from "../../core/rpc/channel.ts";
import { ExposedModules } from "../../core/rpc/exposed-modules.ts";
import { Service } from "../../core/rpc/service.ts";
import { FEATURES, FrameWriter, type Message, MessageCodec } from "../../core/wire/mod.ts";
import { useCensus } from "../support/census.ts";
import { PairedStream } from "../support/duplex-pair.ts";
import { hostileBytes } from "../support/hostile-bytes.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { id } from "../support/peer.ts";
import * as service from "./fixtures/service.ts";

const TIMES = Number(process.env.FUZZ ?? 1);
const seed = Number(process.env.FUZZ_SEED ?? 47);
const SERVICE = new URL("./fixtures/service.ts", import.meta.url);
/** `feed` is what the recorded frames ask for. */
const modules = { feed: SERVICE.href };

const aid = (name: string) => ({ ...id(name), pid: null, is_registrar: null, is_probe: false });
const named = () => new MessageCodec({ spelling: "named", features: new Set() });
const compact = () => new MessageCodec({ spelling: "compact", features: new Set(FEATURES) });

function bytesOf(codec: MessageCodec, ...messages: Message[]): Buffer {
  const writer = new FrameWriter();
  for (const message of messages) codec.append(message, writer);
  return Buffer.concat(writer.take());
}

const greeting = (name: string) => bytesOf(named(), { msg_type: "Aid", ...aid(name), ext: [...FEATURES] });

const start = (cid: number, func: string, kwargs = {}): Message => ({
  msg_type: "Start",
  cid,
  ns: "feed",
  func,
  kwargs,
  uid: ["peer", "peer-uuid"],
  pld_spec: "typing.Any",
});

/** Dialogs that the recorded frames then belong to. */
const openDialogs = bytesOf(compact(), start(1, "echoes"), start(300, "echoes"), start(2, "counts", { to: 10_000 }));

/** How far the peer behaves before it does not. */
const beginnings = {
  "at once": Buffer.alloc(0),
  "after the handshake": greeting("peer"),
  "in the middle of dialogs": Buffer.concat([greeting("peer"), openDialogs]),
};
const beginning = fc.constantFrom<keyof typeof beginnings>(
  "at once",
  "after the handshake",
  "in the middle of dialogs",
);

/** Every error that is ours to throw; any other class is an accident. */
const OWN_ERRORS = new Set(
  Object.values(espalier).filter((value) => typeof value === "function" && value.prototype instanceof Error),
);

function mustBeOurs(error: unknown): void {
  if (isCancelled(error)) return;
  if (error instanceof ExceptionGroup) return error.errors.forEach(mustBeOurs);
  if (!(error instanceof Error) || !OWN_ERRORS.has(error.constructor as never)) {
    throw new Error("an error that is none of ours came out of the fuzzed side", { cause: error });
  }
  expect(error.message).not.toBe("");
}

// ------------------------------------------------------------------------------------------------------- in memory

/** A service that hears `chunks`; its peer hears what it likes. */
function* served(chunks: readonly Buffer[]): Operation<void> {
  const exposed = yield* ExposedModules.load(modules);
  yield* openNursery(function* (n) {
    const asked = new Service(id("me"), n, exposed);
    const [left, right] = PairedStream.make();
    right.on("data", () => {});
    const channel = new Channel(left, {
      self: aid("me"),
      initiator: false,
      serve: asked.serve,
      typesOfStart: asked.typesOfStart,
    });
    for (const chunk of chunks) {
      right.write(chunk);
      yield* macrotasks(1);
    }
    yield* macrotasks();
    right.destroy();
    yield* macrotasks();
    expect(channel.closedBy).toBeInstanceOf(TransportClosed);
    expect(channel.size).toBe(0);
    n.cancelScope.cancel("the test is over");
  });
}

/** A caller of every kind whose peer says `chunks`. */
function* asking(chunks: readonly Buffer[]): Operation<void> {
  const [left, right] = PairedStream.make();
  right.on("data", () => {});
  const channel: Channel = new Channel(left, {
    self: aid("me"),
    initiator: true,
    serve: ({ cid }) => channel.sendError(cid, new Error("serves nothing")),
  });
  const portal = new Portal(id("peer"), channel, modules);
  function* caller(body: () => Operation<unknown>): Operation<void> {
    try {
      yield* body();
    } catch (error) {
      if (isCancelled(error)) throw error;
      mustBeOurs(error);
    }
  }
  yield* openNursery(function* (n) {
    n.startSoon(() => caller(() => portal.run(service.add, { a: 1, b: 2 })));
    n.startSoon(() => caller(() => portal.run(service.returnsNothing)));
    n.startSoon(() =>
      caller(() =>
        portal.openContext(service.echoes, {}, (ctx) =>
          ctx.openStream(function* (stream) {
            for (;;) {
              yield* stream.send("x");
              yield* stream.receive();
            }
          }),
        ),
      ),
    );
    n.startSoon(() => caller(() => portal.openContext(service.counts, { to: 1 }, (ctx) => ctx.waitForResult())));
    yield* macrotasks();
    for (const chunk of chunks) {
      right.write(chunk);
      yield* macrotasks(1);
    }
    yield* macrotasks();
    right.destroy();
  });
  expect(channel.size).toBe(0);
}

describe("hostile bytes on a connection in memory", () => {
  const runs = 800 * TIMES;
  const limits = { numRuns: runs, seed, timeout: 5_000 } as const;

  it(
    "B47 never fail a service with anything but the end of the connection",
    async () => {
      await fc.assert(
        fc.asyncProperty(beginning, hostileBytes, async (begins, chunks) => {
          await run(() => served([beginnings[begins], ...chunks]));
        }),
        limits,
      );
    },
    20_000 + 20 * runs,
  );

  it(
    "B47 never leave a caller without an error that is ours",
    async () => {
      await fc.assert(
        fc.asyncProperty(beginning, hostileBytes, async (begins, chunks) => {
          const greets = begins === "at once" ? [] : [greeting("peer")];
          await run(() => asking([...greets, ...chunks]));
        }),
        limits,
      );
    },
    20_000 + 20 * runs,
  );
});

// -------------------------------------------------------------------------------------------------- real processes

/** What a process may have needed at most: itself with its loader, and what the limits page lets one connection hold. */
const MAX_RESIDENT_MIB = 400;
/** From the end of the link until the child has gone. */
const GONE_MS = 3_000;

/** A child process of ours whose parent is this test, on a socket pair of its own. */
class LiveChild {
  readonly #process: ChildProcess;
  readonly #link: Duplex;
  readonly #exited: Promise<{ code: number | null; signal: string | null }>;
  stderr = "";
  heard = Buffer.alloc(0);
  #onHeard = () => {};

  constructor() {
    const entry = fileURLToPath(ownFile("actor/child-entry"));
    this.#process = spawn(process.execPath, [...process.execArgv, entry, "fuzzed", "fuzzed-uuid"], {
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
    const link = this.#process.stdio[3];
    if (!(link instanceof Duplex)) throw new Error("the child has no link");
    this.#link = link;
    link
      .on("error", () => {})
      .on("data", (chunk: Buffer) => {
        this.heard = Buffer.concat([this.heard, chunk]);
        this.#onHeard();
      });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.#exited = new Promise((resolve) => {
      this.#process.on("close", (code, signal) => resolve({ code, signal }));
    });
  }

  /** Resolves when the child has taken it, but for what fits into the socket, or does not take it any more. */
  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => this.#link.write(bytes, () => resolve()));
  }

  /** Until it has said `bytes`. */
  says(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onHeard = () => {
        if (this.heard.includes(bytes)) resolve();
      };
      this.#onHeard();
      this.#link.on("close", () => reject(new Error(`the child ended early:\n${this.stderr}`)));
    });
  }

  /** The most memory it has had so far, in MiB. */
  get mostResidentMib(): number {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, "utf8");
    return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024;
  }

  /** End the link, and wait for its exit. */
  async ended(): Promise<{ code: number | null; signal: string | null; tookMs: number }> {
    const from = performance.now();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 4 * GONE_MS);
    this.#link.destroy();
    const exit = await this.#exited;
    clearTimeout(timer);
    return { ...exit, tookMs: performance.now() - from };
  }
}

const specification = (): Message => ({
  msg_type: "SpawnSpec",
  _parent_main_data: {},
  _runtime_vars: { parent: ["peer", "peer-uuid"] },
  enable_modules: modules,
  reg_addrs: [],
  bind_addrs: null,
});

describe("hostile bytes on the link of a real process", () => {
  useCensus();

  it(
    "B47 end a child in good time, without a crash, and without memory beyond its limits",
    async () => {
      const scripts = fc.sample(fc.tuple(beginning, hostileBytes), { seed, numRuns: 5 * TIMES });
      for (const [begins, chunks] of scripts) {
        const child = new LiveChild();
        if (begins !== "at once") {
          void child.write(Buffer.concat([greeting("peer"), bytesOf(compact(), specification())]));
          void child.write(bytesOf(compact(), start(8, "add", { a: 20, b: 22 })));
          // It serves, and is not merely not dead.
          await child.says(bytesOf(compact(), { msg_type: "Return", cid: 8, pld: 42 }));
          if (begins === "in the middle of dialogs") void child.write(openDialogs);
        }
        for (const chunk of chunks) void child.write(chunk);
        const exit = await child.ended();
        const report = `${begins}: ${chunks.map((chunk) => chunk.toString("hex")).join(",")}\n${child.stderr}`;
        expect(exit.signal, report).toBe(null);
        expect([0, 1], report).toContain(exit.code);
        expect(child.stderr, report).not.toMatch(/^\s+at |Uncaught|Unhandled/m);
        if (begins !== "at once") expect(exit.tookMs, report).toBeLessThan(GONE_MS);
      }
    },
    20_000 + TIMES * 30_000,
  );

  it("B47 a frame that promises much and never comes costs a child little", async () => {
    const child = new LiveChild();
    void child.write(Buffer.concat([greeting("peer"), bytesOf(compact(), specification())]));
    void child.write(bytesOf(compact(), start(8, "add", { a: 20, b: 22 })));
    await child.says(bytesOf(compact(), { msg_type: "Return", cid: 8, pld: 42 }));
    const before = child.mostResidentMib;
    const promise = Buffer.alloc(4 + 15 * 1024 * 1024, 0xc0);
    promise.writeUInt32LE(16 * 1024 * 1024);
    await child.write(promise);
    const most = Math.max(before, child.mostResidentMib);
    expect((await child.ended()).signal).toBe(null);
    expect(most).toBeLessThan(MAX_RESIDENT_MIB);
  });

  it.each([
    ["instead of its handshake", "silent"],
    ["instead of its readiness", "greeted"],
    ["instead of an answer", "ready"],
  ])(
    "B47 of a child %s end in an error that names it",
    function* (_when, stage) {
      const scripts = fc.sample(hostileBytes, { seed: seed + stage.length, numRuns: 2 * TIMES });
      for (const chunks of scripts) {
        const errors: unknown[] = [];
        const from = performance.now();
        try {
          yield* openActorNursery(
            function* (an) {
              const portal = yield* an.startActor("hostile", {
                enableModules: [SERVICE],
                execArgv: ["--import", new URL("../support/hostile-child.ts", import.meta.url).href],
                env: { HOSTILE_STAGE: stage, HOSTILE_BYTES: chunks.map((chunk) => chunk.toString("hex")).join(",") },
                spawnTimeoutMs: 4_000,
              });
              expect(stage).toBe("ready");
              const answer = yield* espalier.moveOnAfter(1_000, () => portal.run(service.add, { a: 1, b: 1 }));
              // It may have answered by chance, or said nothing that ends the dialog.
              expect([undefined, null, "number"]).toContain(answer === undefined ? undefined : typeof answer);
              yield* portal.cancelActor({ timeoutMs: 200 });
            },
            { teardown: { ackMs: 200, unwindMs: 200, termMs: 200 } },
          );
        } catch (error) {
          errors.push(...(error instanceof ExceptionGroup ? error.leaves() : [error]));
        }
        const report = `${stage}: ${chunks.map((chunk) => chunk.toString("hex")).join(",")}`;
        for (const error of errors) mustBeOurs(error);
        if (stage !== "ready") expect(errors[0], report).toBeInstanceOf(ActorSpawnError);
        for (const error of errors) expect(String(error), report).toContain("hostile");
        expect(performance.now() - from, report).toBeLessThan(12_000);
      }
    },
    20_000 + TIMES * 30_000,
  );
});

describe("hostile bytes on the socket of a server", () => {
  useCensus();

  it("B47 cost their connection, and nobody else's", function* () {
    const scripts = fc.sample(fc.tuple(beginning, hostileBytes), { seed, numRuns: 60 * TIMES });
    yield* openRootActor(
      function* (root) {
        const [address = ""] = root.addresses;
        const port = Number(address.slice(address.lastIndexOf("/") + 1));
        yield* openPortalTo(
          address,
          function* (bystander) {
            for (const [begins, chunks] of scripts) {
              yield* until(attack(port, [beginnings[begins], ...chunks]));
              expect(yield* bystander.run(service.add, { a: 20, b: 22 })).toBe(42);
            }
          },
          { modules },
        );
      },
      { enableModules: modules, bindAddrs: ["/ip4/127.0.0.1/tcp/0"] },
    );
  });
});

/** Connect, write, and wait until the other side has closed, which it does when this one has ended. */
function attack(port: number, chunks: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = createConnection({ port, host: "127.0.0.1" }, () => {
      for (const chunk of chunks) socket.write(chunk);
      socket.end();
    });
    socket
      .on("error", () => {})
      .on("close", () => resolve())
      .resume();
  });
}
