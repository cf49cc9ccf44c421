/**
 * Children as processes of this Node. The link is one end of a socket pair that the child inherits: nothing to connect
 * to, no path, no secret; its end-of-file tells each side that the other has gone.
 */
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { SECRET_VARIABLE } from "../ipc/credentials.ts";
import { childProcesses } from "../node-modules.ts";
import { ownFile } from "../own-files.ts";
import { type Disarm, realClock } from "../sc/clock.ts";
import { Deferred } from "../sc/deferred.ts";
import { STDERR_DRAIN_MS, STDERR_TAIL_BYTES } from "./limits.ts";
import { inheritedFlags } from "./node-flags.ts";
import { orphanGuard } from "./orphan-guard.ts";
import type { ExitStatus, SpawnBackend, SpawnedChild, SpawnRequest } from "./spawn-backend.ts";
import { Tail } from "./tail.ts";
import { TREE_VARIABLE, treeMark } from "./tree-mark.ts";

/** The link's file descriptor in the child. */
export const LINK_FD = 3;

/** Tells a child that nobody kills it if it is stuck when its parent dies. */
export const UNGUARDED = "unguarded";

const CHILD_ENTRY = fileURLToPath(ownFile("actor/child-entry"));

export const processBackend: SpawnBackend = {
  spawn(request: SpawnRequest): SpawnedChild {
    const { id, cwd, env, execArgv, stdio } = request;
    const stdout = stdio.stdout === "stderr" ? process.stderr : stdio.stdout;
    const guarded = orphanGuard.isAvailable;
    const child = childProcesses().spawn(
      process.execPath,
      [
        ...inheritedFlags(process.execArgv),
        ...execArgv,
        CHILD_ENTRY,
        id.name,
        id.uuid,
        ...(guarded ? [] : [UNGUARDED]),
      ],
      {
        cwd,
        // The secret is handed over by the link. Here every program that the child starts would inherit it.
        env: { ...process.env, [SECRET_VARIABLE]: undefined, ...env, [TREE_VARIABLE]: treeMark() },
        stdio: ["ignore", stdout, "pipe", "pipe"],
      },
    );
    const unguard = guarded && child.pid !== undefined ? orphanGuard.watch(child.pid) : undefined;
    const exited = new Deferred<ExitStatus>(`exit of process ${child.pid ?? "(none)"}`, true);
    const tail = new Tail(STDERR_TAIL_BYTES);
    child.stderr?.on("data", (chunk: Buffer) => {
      tail.push(chunk);
      if (stdio.stderr === "inherit") process.stderr.write(chunk);
    });
    child.on("error", (error) => exited.reject(error));
    let disarm: Disarm | undefined;
    child.on("close", (exitCode, signal) => {
      disarm?.();
      exited.resolve({ exitCode, signal });
    });
    child.on("exit", (exitCode, signal) => {
      unguard?.();
      // Something that the child has started may hold its stderr open, and `close` back.
      disarm = realClock.at(realClock.now() + STDERR_DRAIN_MS, () => {
        child.stderr?.destroy();
        exited.resolve({ exitCode, signal });
      });
    });
    const link = child.stdio[LINK_FD];
    return {
      pid: child.pid,
      // Without a process there is no socket either; an ended stream says the same.
      link: link instanceof Duplex ? link : Duplex.from([]),
      exited,
      stderrTail: () => tail.text(),
      end: (how) => void child.kill(how === "term" ? "SIGTERM" : "SIGKILL"),
    };
  },
};
