/** The tick server as a process of its own, which lives as long as a block. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Operation, until } from "effection";
import { moveOnAfter, shielded } from "espalier";

const PROGRAM = fileURLToPath(new URL("./tick-server.ts", import.meta.url));

/** Time the server has to end once its input has, in milliseconds; it has nothing to clean up. */
const END_WITHIN_MS = 1_000;

/**
 * Run `body` with the port of a tick server; the server has ended when the block has.
 *
 * @param args - see `tick-server.ts`
 * @throws Error if the server ends before it tells its port
 */
export function* withTickServer<T>(args: readonly string[], body: (port: number) => Operation<T>): Operation<T> {
  const server = spawn(process.execPath, [...process.execArgv, PROGRAM, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => server.on("close", () => resolve()));
  try {
    const port = new Promise<number>((resolve, reject) => {
      server.on("error", reject);
      server.on("close", (code) => reject(new Error(`the tick server ended with status ${code} before it was ready`)));
      createInterface(server.stdout).once("line", (line) => resolve(Number(line)));
    });
    return yield* body(yield* until(port));
  } finally {
    server.stdin.end();
    yield* shielded(function* () {
      const inTime = yield* moveOnAfter(END_WITHIN_MS, function* () {
        yield* until(ended);
        return true;
      });
      if (inTime === undefined) server.kill("SIGKILL");
      yield* until(ended);
    });
  }
}
