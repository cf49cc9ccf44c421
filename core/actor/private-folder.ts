/** Folders for the sockets of actors that listen because somebody has looked for them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ListenError } from "../errors/mod.ts";
import { type Address, MAX_UNIX_PATH_BYTES } from "../wire/mod.ts";

const PREFIX = "espalier-";
/** The one file in such a folder. */
export const SOCKET_NAME = "actor.sock";
/** What `mkdtemp` adds. */
const RANDOM_CHARS = 6;

/**
 * A socket's address in a new folder of this user alone. The folder is made where the system has temporary files, or
 * below `/tmp` where that path is too long for a socket.
 *
 * @throws ListenError if no folder can be made
 */
export function privateSocket(): Address & { transport: "unix" } {
  const errors: unknown[] = [];
  for (const parent of new Set([tmpdir(), "/tmp"])) {
    const length = Buffer.byteLength(join(parent, PREFIX)) + RANDOM_CHARS + 1 + SOCKET_NAME.length;
    if (length > MAX_UNIX_PATH_BYTES) continue;
    try {
      return { transport: "unix", path: join(mkdtempSync(join(parent, PREFIX)), SOCKET_NAME) };
    } catch (error) {
      errors.push(error);
    }
  }
  const why = errors.length === 0 ? `paths below ${tmpdir()} are too long for a socket` : String(errors[0]);
  throw new ListenError(`/unix${tmpdir()}/…`, `${why}; set TMPDIR to a folder that can be written, or give bindAddrs`, {
    cause: errors[0],
  });
}

/** Whether a path is such a socket's, in whichever process it was made. */
export function isPrivateSocket(path: string): boolean {
  return path.endsWith(`/${SOCKET_NAME}`) && /\/espalier-[^/]{6}$/.test(dirname(path));
}

/** Remove the folder that `privateSocket` has made. */
export function removePrivateSocket(path: string): void {
  if (isPrivateSocket(path)) rmSync(dirname(path), { recursive: true, force: true });
}
