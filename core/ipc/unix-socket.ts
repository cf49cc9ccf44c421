/**
 * Who may use a Unix socket. Node does not tell who the peer of one is, so the kernel is asked otherwise: it lets nobody
 * else into a directory of this user alone, and a socket file has an owner.
 */
import { lstatSync, mkdirSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { ConnectError, ListenError } from "../errors/mod.ts";
import { type Address, formatAddress } from "../wire/mod.ts";
import { isSystemError } from "./system-error.ts";

type UnixAddress = Address & { readonly transport: "unix" };

/** Whoever can connect can call what is exposed: the directory is what keeps other users out. @throws ListenError */
export function mustBePrivate(address: UnixAddress): void {
  const folder = dirname(address.path);
  try {
    mkdirSync(folder, { mode: 0o700 });
    return;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code !== "EEXIST") throw new ListenError(formatAddress(address), error.message, { cause: error });
  }
  const { uid, mode } = lstatSync(folder);
  if (process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o077) !== 0)) {
    const rights = (mode & 0o777).toString(8);
    throw new ListenError(
      formatAddress(address),
      `its directory ${folder} is not this user's alone (uid ${uid}, mode ${rights}); make it with mode 700, or name one that does not exist`,
    );
  }
}

/**
 * Another user may have put a socket where an actor is expected: what is sent there would be theirs.
 *
 * @throws ConnectError if the socket belongs to another user, or another user can replace it
 */
export function mustBelongToUs(address: UnixAddress): void {
  const user = process.getuid?.();
  if (user === undefined) return;
  const folder = dirname(address.path);
  let problem: string | undefined;
  try {
    problem = foreignOwner(
      user,
      { path: address.path, ...ownerOf(address.path) },
      { path: folder, ...ownerOf(folder) },
    );
  } catch (error) {
    // Nobody listens there, or nobody of this user: connecting says so.
    if (!isSystemError(error)) throw error;
    return;
  }
  if (problem !== undefined) throw new ConnectError(formatAddress(address), problem);
}

/** What is of interest of a file. */
export interface Owner {
  readonly path: string;
  readonly uid: number;
  readonly mode: number;
}

/** Why `user` cannot trust a socket in a folder; root trusts all, and is trusted by all. */
export function foreignOwner(user: number, socket: Owner, folder: Owner): string | undefined {
  if (user === 0) return undefined;
  for (const { path, uid } of [socket, folder]) {
    if (uid !== user && uid !== 0)
      return `${path} belongs to another user (uid ${uid}); only actors of this user are talked to`;
  }
  // Where the sticky bit is set, as in /tmp, others may add files, and not take this one's place.
  if ((folder.mode & 0o022) === 0 || (folder.mode & 0o1000) !== 0) return undefined;
  return `other users can replace it: ${folder.path} has mode ${(folder.mode & 0o777).toString(8)}; use a directory with mode 700`;
}

function ownerOf(path: string): Pick<Stats, "uid" | "mode"> {
  const { uid, mode } = statSync(path);
  return { uid, mode };
}
