/** Libraries that nobody here wrote, each in an actor. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";

import type { Operation } from "effection";
import {
  ActorQuarantined,
  type ExceptionGroup,
  moveOnAfter,
  openActorNursery,
  openNursery,
  type RemoteActorError,
} from "espalier";
import { runTask, useClient } from "espalier/to_promise";
import { WebSocketServer } from "ws";
import * as files from "../../examples/legacy/files.ts";
import * as http from "../../examples/legacy/http.ts";
import * as passwords from "../../examples/legacy/passwords.ts";
import * as redis from "../../examples/legacy/redis.ts";
import * as socket from "../../examples/legacy/socket.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import { useTempDir } from "../support/temp-dir.ts";

const moduleOf = (name: string) => [new URL(`../../examples/legacy/${name}.ts`, import.meta.url)];

// --------------------------------------------------------------------------------------------------------------- redis

function hasProgram(name: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function startRedis(path: string): Promise<ChildProcess> {
  rmSync(path, { force: true }); // that of one that was killed
  const args = ["--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--daemonize", "no"];
  const server = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const chunk of server.stdout ?? []) {
    if (/eady to accept connections/.test(String(chunk))) break;
  }
  return server;
}

async function killed(server: ChildProcess | undefined): Promise<void> {
  if (server === undefined) return;
  const gone = once(server, "exit");
  server.kill("SIGKILL");
  await gone;
}

describe.skipIf(!hasProgram("redis-server"))("ioredis, with a real redis-server (skipped where there is none)", () => {
  useCensus();

  it("sees its server killed and started anew: what is called fails by name, then works again", function* () {
    const path = join(useTempDir(), "redis");
    const seen: unknown[] = [];
    yield* openNursery(function* () {
      let server: ChildProcess | undefined;
      const stop = async () => {
        await killed(server);
        rmSync(path, { force: true });
      };
      server = yield* useClient(() => startRedis(path), stop, { name: "redis-server" });
      yield* openActorNursery(function* (an) {
        const portal = yield* an.startActor("redis", { enableModules: moduleOf("redis") });
        yield* portal.openContext(redis.connection, { path }, function* (ctx, status) {
          seen.push(status);
          yield* portal.run(redis.set, { key: "name", value: "espalier" });
          seen.push(yield* portal.run(redis.get, { key: "name" }));

          yield* runTask(() => killed(server));
          const error = (yield* errorOf(portal.run(redis.get, { key: "name" }))) as RemoteActorError;
          seen.push(error.name);
          // It waits for a connection; cancelled, it does not.
          seen.push((yield* moveOnAfter(50, () => portal.run(redis.whenReady, {}))) ?? "not ready");

          server = yield* runTask(() => startRedis(path));
          yield* portal.run(redis.whenReady, {});
          seen.push(yield* portal.run(redis.get, { key: "name" })); // it has kept nothing
          yield* portal.run(redis.set, { key: "name", value: "anew" });
          seen.push(yield* portal.run(redis.get, { key: "name" }));
          yield* ctx.cancel("done");
        });
        seen.push(String(yield* errorOf(portal.run(redis.get, { key: "name" }))).includes("no connection is open"));
        yield* portal.cancelActor();
      });
    });
    expect(seen).toEqual(["ready", "espalier", "RemoteActorError", "not ready", null, "anew", true]);
  });
});

// ---------------------------------------------------------------------------------------------------------------- http

interface SlowServer {
  readonly server: Server;
  readonly url: string;
  /** What it has seen. */
  readonly log: string[];
  readonly asked: Promise<unknown>;
  readonly hungUp: Promise<unknown>;
}

/** Answers `/fast` at once, and else never. */
async function startSlowServer(): Promise<SlowServer> {
  const log: string[] = [];
  let asked: (value?: unknown) => void = () => {};
  let hungUp: (value?: unknown) => void = () => {};
  const facts = {
    asked: new Promise((resolve) => {
      asked = resolve;
    }),
    hungUp: new Promise((resolve) => {
      hungUp = resolve;
    }),
  };
  const server = createServer((request, response) => {
    log.push(`asked for ${request.url}`);
    if (request.url === "/fast") return void response.end("page");
    response.on("close", () => {
      log.push(`${request.url} was hung up`);
      hungUp();
    });
    asked();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}`, log, ...facts };
}

function stopServer({ server }: SlowServer): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => void server.close(() => resolve()));
}

describe("undici", () => {
  useCensus();

  it("fetches a page; cancelled, the server sees its request dropped", function* () {
    let log: readonly string[] = [];
    let page: unknown;
    yield* openNursery(function* () {
      const slow = yield* useClient(startSlowServer, stopServer);
      log = slow.log;
      yield* openActorNursery(function* (an) {
        const portal = yield* an.startActor("http", { enableModules: moduleOf("http"), promises: "quarantine" });
        page = yield* portal.run(http.fetchPage, { url: `${slow.url}/fast` });
        yield* openNursery(function* (nursery) {
          nursery.startSoon(() => portal.run(http.fetchPage, { url: `${slow.url}/slow` }));
          yield* runTask(() => slow.asked);
          nursery.cancelScope.cancel("the user has gone");
        });
        yield* runTask(() => slow.hungUp);
        yield* portal.cancelActor();
      });
    });
    expect(page).toBe("page");
    expect(log).toEqual(["asked for /fast", "asked for /slow", "/slow was hung up"]);
  });

  it("tells the caller what the library has thrown", function* () {
    let error: unknown;
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("http", { enableModules: moduleOf("http") });
      error = yield* errorOf(portal.run(http.fetchPage, { url: "http://127.0.0.1:1/" }));
      yield* portal.cancelActor();
    });
    expect(error).toMatchObject({ name: "RemoteActorError", data: { code: "ECONNREFUSED" } });
  });
});

// --------------------------------------------------------------------------------------------------------------- files

describe("chokidar", () => {
  useCensus();

  it("streams what happens to files, and watches no more once its consumer has left", function* () {
    const dir = useTempDir();
    const seen: string[] = [];
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("files", { enableModules: moduleOf("files"), promises: { leaks: "error" } });
      yield* portal.openStreamFrom(files.fileEvents, { dir }, function* (events) {
        for (const step of [() => {}, write("one"), write("two")]) {
          step();
          // A file is added, and then it is written to.
          let event = yield* events.receive();
          while (event.what === "change") event = yield* events.receive();
          seen.push(`${event.what} ${event.path}`.trim());
        }
      });
      yield* portal.cancelActor();
    });
    expect(seen).toEqual(["ready", "add one", "add two"]);

    function write(name: string) {
      return () => writeFileSync(join(dir, name), name);
    }
  });
});

// ------------------------------------------------------------------------------------------------------------------ ws

/** Answers each text in capitals; counts who is connected. */
async function startEcho(): Promise<WebSocketServer> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (peer) => {
    peer.on("message", (data) => {
      if (String(data) === "bye") peer.close();
      else peer.send(String(data).toUpperCase());
    });
  });
  await once(server, "listening");
  return server;
}

function stopEcho(server: WebSocketServer): Promise<void> {
  for (const client of server.clients) client.terminate();
  return new Promise((resolve) => void server.close(() => resolve()));
}

function* withConversation<T>(body: (url: string, portal: import("espalier").Portal) => Operation<T>): Operation<T> {
  return yield* openNursery(function* () {
    const echo = yield* useClient(startEcho, stopEcho);
    const url = `ws://127.0.0.1:${(echo.address() as AddressInfo).port}`;
    return yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("socket", { enableModules: moduleOf("socket"), promises: "quarantine" });
      const value = yield* body(url, portal);
      yield* portal.cancelActor();
      return value;
    });
  });
}

describe("ws", () => {
  useCensus();

  it("is a dialog: texts go both ways, and closing the stream closes the socket", function* () {
    const heard: string[] = [];
    const count = yield* withConversation((url, portal) =>
      portal.openContext(socket.conversation, { url }, function* (ctx) {
        yield* ctx.openStream(function* (stream) {
          for (const text of ["hello", "and again"]) {
            yield* stream.send(text);
            heard.push(yield* stream.receive());
          }
        });
        return yield* ctx.waitForResult();
      }),
    );
    expect(heard).toEqual(["HELLO", "AND AGAIN"]);
    expect(count).toBe(2);
  });

  it("ends the dialog where the server closes", function* () {
    const ended = yield* withConversation((url, portal) =>
      portal.openContext(socket.conversation, { url }, (ctx) =>
        ctx.openStream(function* (stream) {
          yield* stream.send("bye");
          return yield* errorOf(stream.receive());
        }),
      ),
    );
    expect(String(ended)).toMatch(/EndOfChannel/);
  });

  it("that cannot connect tells the caller so", function* () {
    const error = yield* errorOf(
      withConversation((_url, portal) =>
        portal.openContext(socket.conversation, { url: "ws://127.0.0.1:1" }, function* () {}),
      ),
    );
    const [leaf] = (error as ExceptionGroup).leaves();
    expect(leaf).toMatchObject({ name: "RemoteActorError", data: { code: "ECONNREFUSED" } });
  });
});

// ----------------------------------------------------------------------------------------------------------- passwords

describe("bcryptjs", () => {
  useCensus();

  it("computes; told to stop in the middle, it is killed with its actor", function* () {
    let right: unknown;
    const error = yield* errorOf(
      openActorNursery(function* (an) {
        const portal = yield* an.startActor("passwords", {
          enableModules: moduleOf("passwords"),
          promises: "quarantine",
        });
        const hashed = yield* portal.run(passwords.hash, { password: "secret", rounds: 4 });
        right = yield* portal.run(passwords.isRight, { password: "secret", hashed });
        yield* moveOnAfter(1_000, () => portal.run(passwords.hash, { password: "secret", rounds: 31 }));
        yield* portal.cancelActor();
      }),
    );
    expect(right).toBe(true);
    expect((error as ExceptionGroup).subgroup(ActorQuarantined)).not.toBeNull();
  });
});
