import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Operation } from "effection";
import { ConnectError, ListenError } from "../../core/errors/mod.ts";
import { openConnection, openListener } from "../../core/ipc/listener.ts";
import { openNursery } from "../../core/sc/nursery.ts";
import { sleepForever } from "../../core/sc/sleep.ts";
import { moveOnAfter } from "../../core/sc/timeouts.ts";
import { type Address, parseAddress } from "../../core/wire/mod.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { useTempDir } from "../support/temp-dir.ts";

const unix = (path: string): Address => ({ transport: "unix", path });
const nothing = function* () {};
const ignore = (stream: Duplex) => void stream.on("error", () => {}).destroy();

describe("a listener", () => {
  useCensus();

  it.each(["unix", "tcp"])("takes connections by %s, both ways, until its block is left", function* (transport) {
    const path = join(useTempDir(), "x.sock");
    const address = transport === "unix" ? unix(path) : parseAddress("/ip4/127.0.0.1/tcp/0");
    const heard: string[] = [];
    const accept = (stream: Duplex) => {
      stream.on("data", (chunk: Buffer) => {
        heard.push(String(chunk));
        stream.end("bye");
      });
    };
    let bound: Address | undefined;
    yield* openListener(address, undefined, accept, function* (at) {
      bound = at;
      const near = yield* openConnection(at, undefined);
      near.on("data", (chunk: Buffer) => heard.push(String(chunk)));
      near.write("hi");
      while (heard.length < 2) yield* macrotasks(1);
      near.destroy();
    });
    expect(heard).toEqual(["hi", "bye"]);
    if (bound?.transport === "tcp") expect(bound.port).toBeGreaterThan(0);
    expect(existsSync(path)).toBe(false);
    expect(yield* errorOf(openConnection(bound as Address, undefined))).toBeInstanceOf(ConnectError);
  });

  it("leaves its connections to their owner when it ends", function* () {
    const accepted: Duplex[] = [];
    let near: Duplex | undefined;
    yield* openListener(
      unix(join(useTempDir(), "x.sock")),
      undefined,
      (stream) => accepted.push(stream),
      function* (at) {
        near = yield* openConnection(at, undefined);
        while (accepted.length === 0) yield* macrotasks(1);
      },
    );
    expect(near?.destroyed).toBe(false);
    for (const stream of [near, ...accepted]) stream?.destroy();
  });

  it("B52 refuses a Unix socket that is in use, and goes on", function* () {
    const address = unix(join(useTempDir(), "x.sock"));
    yield* openListener(address, undefined, ignore, function* () {
      const error = yield* errorOf(openListener(address, undefined, ignore, nothing));
      expect(error).toBeInstanceOf(ListenError);
      expect(String(error)).toMatch(/x.sock: it is in use; choose another/);
      ignore(yield* openConnection(address, undefined));
    });
  });

  it("B52 replaces a Unix socket whose process was killed", function* () {
    const path = join(useTempDir(), "x.sock");
    const listensAndDies = `require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, 9))`;
    spawnSync(process.execPath, ["-e", listensAndDies, path]);
    expect(existsSync(path)).toBe(true);
    yield* openListener(unix(path), undefined, ignore, function* (at) {
      ignore(yield* openConnection(at, undefined));
    });
  });

  it("B52 is one of many that find a dead Unix socket at once", function* () {
    const path = join(useTempDir(), "x.sock");
    const kill = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", kill]);
    expect(existsSync(path)).toBe(true);
    const accepted: number[] = [];
    const errors: unknown[] = [];
    yield* openNursery(function* (n) {
      for (let i = 0; i < 10; i++) {
        n.startSoon(function* () {
          const accept = (stream: Duplex) => {
            accepted.push(i);
            ignore(stream);
          };
          try {
            yield* openListener(unix(path), undefined, accept, sleepForever);
          } catch (error) {
            if (!(error instanceof ListenError)) throw error;
            errors.push(error);
          }
        });
      }
      while (errors.length < 9) yield* macrotasks(1);
      accepted.length = 0; // those that have looked whether it is dead
      (yield* openConnection(unix(path), undefined)).destroy();
      while (accepted.length === 0) yield* macrotasks(1);
      n.cancelScope.cancel();
    });
    expect(errors).toHaveLength(9);
    expect(existsSync(path)).toBe(false);
  });

  it("B52 makes the directory of its socket for this user alone", function* () {
    const folder = join(useTempDir(), "new");
    yield* openListener(unix(join(folder, "x.sock")), undefined, ignore, nothing);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it("B52 refuses a directory that others may enter", function* () {
    const folder = join(useTempDir(), "open");
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    const error = yield* errorOf(openListener(unix(join(folder, "x.sock")), undefined, ignore, nothing));
    expect(String(error)).toMatch(/not this user's alone \(uid \d+, mode 755\); make it with mode 700/);
  });

  it.each([
    ["/ip4/0.0.0.0/tcp/0", /no secret says who may connect; give one by the option secret, or set ESPALIER_SECRET/],
    ["/ip4/192.168.0.1/tcp/0", /no secret says/],
    ["/ip6/::/tcp/0", /no secret says/],
    ["/unix/no/such/folder/anywhere/x.sock", /ENOENT/],
  ])("refuses %s, saying why", function* (address, message) {
    const error = yield* errorOf(openListener(parseAddress(address), undefined, ignore, nothing));
    expect(error).toMatchObject({ name: "ListenError", address });
    expect(String(error)).toMatch(message);
  });

  it("B52 random binds do not collide", function* () {
    const ports = new Set<number>();
    function* listen(left: number): Operation<void> {
      yield* openListener(parseAddress("/ip4/127.0.0.1/tcp/0"), undefined, ignore, function* (at) {
        if (at.transport === "tcp") ports.add(at.port);
        if (left > 1) yield* listen(left - 1);
      });
    }
    yield* listen(20);
    expect(ports.size).toBe(20);
  });

  it("a TCP port that is in use is refused", function* () {
    yield* openListener(parseAddress("/ip4/127.0.0.1/tcp/0"), undefined, ignore, function* (at) {
      expect(String(yield* errorOf(openListener(at, undefined, ignore, nothing)))).toMatch(/it is in use/);
    });
  });

  it("ends when it is cancelled", function* () {
    const path = join(useTempDir(), "x.sock");
    yield* openNursery(function* (n) {
      n.startSoon(() => openListener(unix(path), undefined, ignore, sleepForever));
      while (!existsSync(path)) yield* macrotasks(1);
      n.cancelScope.cancel("enough");
    });
    expect(existsSync(path)).toBe(false);
  });
});

describe("connecting", () => {
  useCensus();

  it.each([
    ["nobody listens", "/unix/tmp/espalier-no-such.sock", 1_000, /nobody listens there/],
    ["nobody listens on the port", "/ip4/127.0.0.1/tcp/1", 1_000, /nobody listens there/],
    ["there is no answer in time", "/ip4/127.0.0.1/tcp/1", 0, /no answer within 0 ms/],
  ])("fails where %s", function* (_what, address, timeoutMs, message) {
    const error = yield* errorOf(openConnection(parseAddress(address), undefined, timeoutMs));
    expect(error).toMatchObject({ name: "ConnectError", address });
    expect(String(error)).toMatch(message);
  });

  it("cancelled leaves no socket", function* () {
    expect(
      yield* moveOnAfter(0, () => openConnection(parseAddress("/ip4/127.0.0.1/tcp/1"), undefined)),
    ).toBeUndefined();
  });
});
