/** The faults that a process does to itself, or to its end of the link to a child. */
import childProcess, { type ChildProcess } from "node:child_process";
import { writeSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";
import { Chance, type Fault, isInside, isParents } from "./plan.ts";
import type { RoundLog } from "./round-log.ts";

/** Thrown on purpose; `name` says by whom. */
export class Mischief extends Error {
  override readonly name = "Mischief";
}

/** The socket of a child's link in its own process, and in that of its parent. */
const LINK_FD = 3;
const MAX_BLOCK_MS = 4_000;
const MAX_DELAY_MS = 4_000;
const FLOOD_BYTES = 8 * 1024 * 1024;

/** Do a fault to this process, the actor `fault.target`. `fail` is what makes its work throw. */
export function doInside(fault: Fault, log: RoundLog, fail: (error: Error) => void): void {
  if (!isInside(fault.kind)) return;
  const { kind, target, detail } = fault;
  // Before it: some leave no time for that after it.
  log.add({ what: "fault", kind, target });
  switch (kind) {
    case "exit":
      process.exit(detail % 4);
      break;
    case "throw":
      return fail(new Mischief(`thrown in ${target}`));
    case "uncaught":
      setImmediate(() => {
        throw new Mischief(`uncaught in ${target}`);
      });
      return;
    case "reject":
      void Promise.reject(new Mischief(`rejected in ${target}`));
      return;
    case "block":
      return block(detail % MAX_BLOCK_MS);
    case "flood":
      return flood(detail);
    case "cut own end":
      return void ownLink()?.destroy();
    case "half-close own end":
      return void ownLink()?.end();
    case "delay own end":
      return delay(ownLink(), detail);
    case "garbage up":
      return writeAnyhow(LINK_FD, garbage(detail));
  }
}

/** Do a fault to this process's end of the link to the child `fault.target`. */
export function doToLink(fault: Fault, link: Socket, log: RoundLog): void {
  if (!isParents(fault.kind) || link.destroyed) return;
  const { kind, target, detail } = fault;
  log.add({ what: "fault", kind, target });
  if (kind === "cut parent's end") link.destroy();
  else if (kind === "half-close parent's end") link.end();
  else if (kind === "delay parent's end") delay(link, detail);
  else link.write(garbage(detail));
}

/** Call `found` with the link of every child that this process starts, and the child's environment, as it is started. */
export function watchLinks(found: (link: Socket, env: NodeJS.ProcessEnv) => void): void {
  const { spawn } = childProcess;
  const watched = (...args: Parameters<typeof spawn>): ChildProcess => {
    const child = spawn(...args);
    const link = child.stdio[LINK_FD];
    if (link instanceof Socket) found(link, args[2]?.env ?? {});
    return child;
  };
  Object.assign(childProcess, { spawn: watched });
  syncBuiltinESMExports();
}

/** Bytes that no peer of the protocol would send, of several sorts. */
function garbage(seed: number): Buffer {
  const chance = new Chance(seed);
  const header = (length: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(length);
    return bytes;
  };
  return chance.of([
    () => chance.bytes(chance.whole(1, 200)),
    () => header(0),
    () => header(0xffff_ffff),
    () => Buffer.concat([header(40), chance.bytes(40)]),
    // The beginning of a frame that never ends: what comes after it is taken for its rest.
    () => Buffer.concat([header(chance.whole(10, 100_000)), chance.bytes(chance.whole(0, 9))]),
    () => Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  ])();
}

/** What arrives is left lying for a while, in the socket's buffers and then in the peer's. */
function delay(link: Socket | undefined, detail: number): void {
  link?.pause();
  setTimeout(() => link?.resume(), detail % MAX_DELAY_MS).unref();
}

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

function flood(seed: number): void {
  const chance = new Chance(seed);
  const line = Buffer.from(`${"flood ".repeat(chance.whole(1, 2_000))}\n`);
  const out = chance.of([process.stdout, process.stderr]);
  for (let sent = 0; sent < FLOOD_BYTES; sent += line.length) out.write(line);
}

/** Node tells of no socket by its descriptor, but of all that it watches. */
function ownLink(): Socket | undefined {
  const handles: unknown = Reflect.apply(Reflect.get(process, "_getActiveHandles"), process, []);
  if (!Array.isArray(handles)) return undefined;
  return handles.find((handle) => handle instanceof Socket && Reflect.get(handle, "_handle")?.fd === LINK_FD);
}

/** Past whatever Node has buffered, and as much as the socket takes. */
function writeAnyhow(fd: number, bytes: Buffer): void {
  try {
    writeSync(fd, bytes);
  } catch (error) {
    // EAGAIN: it is full, and that will do for mischief; EPIPE, EBADF: it is gone.
    if (!(error instanceof Error && "code" in error && /^(EAGAIN|EPIPE|EBADF|ECONNRESET)$/.test(String(error.code))))
      throw error;
  }
}
