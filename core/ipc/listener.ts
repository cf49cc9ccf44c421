/** The two ends of a connection between actors that are not parent and child: listening, and connecting. */
import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import type { Operation } from "effection";
import { ConnectError, ListenError } from "../errors.ts";
import { park } from "../sc/park.ts";
import { moveOnAfter, shielded } from "../sc/timeouts.ts";
import { type Address, formatAddress } from "../wire/mod.ts";
import { CONNECT_TIMEOUT_MS } from "./limits.ts";

/**
 * Listen on `address` while `body` runs. A Unix socket is refused while another process listens on it, and replaced
 * where none does; its directory is made for this user alone if there is none, and must be so if there is. Connections
 * that were accepted outlive the listener: they are their owner's to end.
 *
 * @param accept - is given each connection, at once
 * @param body - is given the address as bound: port 0 has become a port
 * @throws ListenError with what is wrong with the address, and what to do
 */
export function* openListener<T>(
  address: Address,
  accept: (stream: Duplex) => void,
  body: (bound: Address) => Operation<T>,
): Operation<T> {
  if (address.transport === "unix") mustBePrivate(address);
  else mustBeLocal(address);
  const server = createServer({ pauseOnConnect: false, noDelay: true });
  try {
    yield* bind(server, address);
    server.on("connection", accept);
    return yield* body(boundAddress(server, address));
  } finally {
    if (server.listening) yield* shielded(() => closed(server));
  }
}

/**
 * Connect to whoever listens on `address`.
 *
 * @param timeoutMs - `CONNECT_TIMEOUT_MS` unless told
 * @throws ConnectError if nobody does, or does not answer in time
 */
export function* openConnection(address: Address, timeoutMs = CONNECT_TIMEOUT_MS): Operation<Duplex> {
  let socket: Socket | undefined;
  try {
    const stream = yield* moveOnAfter(timeoutMs, () =>
      park<Socket>(
        `connection to ${formatAddress(address)}`,
        ({ wake, fail }) => {
          socket = connect(optionsOf(address));
          socket.once("error", fail);
          socket.once("connect", () => {
            socket?.off("error", fail);
            wake(socket as Socket);
          });
          return () => true;
        },
        { byHost: true },
      ),
    );
    if (stream === undefined) throw new ConnectError(formatAddress(address), `no answer within ${timeoutMs} ms`);
    socket = undefined;
    stream.setNoDelay(true);
    return stream;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const why = error.code === "ENOENT" || error.code === "ECONNREFUSED" ? "nobody listens there" : error.message;
    throw new ConnectError(formatAddress(address), why, { cause: error });
  } finally {
    socket?.on("error", () => {}).destroy();
  }
}

function* bind(server: Server, address: Address): Operation<void> {
  try {
    yield* listening(server, address);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code !== "EADDRINUSE") throw new ListenError(formatAddress(address), error.message, { cause: error });
    if (address.transport !== "unix" || (yield* isAnswered(address))) {
      throw new ListenError(formatAddress(address), "it is in use; choose another, or end who listens there", {
        cause: error,
      });
    }
    // Whoever made it was killed: a socket file outlives its process.
    unlinkSync(address.path);
    yield* listening(server, address);
  }
}

function listening(server: Server, address: Address): Operation<void> {
  return park<void>(
    `listening on ${formatAddress(address)}`,
    ({ wake, fail }) => {
      server.once("error", fail);
      server.listen(optionsOf(address), () => {
        server.off("error", fail);
        wake();
      });
      return () => false;
    },
    { byHost: true },
  );
}

function* isAnswered(address: Address): Operation<boolean> {
  try {
    (yield* openConnection(address)).destroy();
    return true;
  } catch (error) {
    if (error instanceof ConnectError) return false;
    throw error;
  }
}

function closed(server: Server): Operation<void> {
  return park<void>(
    "listener closed",
    ({ wake }) => {
      // Its callback waits for the connections too, which are not the listener's.
      server.close();
      server.unref();
      setImmediate(wake);
      return () => false;
    },
    { byHost: true },
  );
}

function optionsOf(address: Address): NetConnectOpts {
  return address.transport === "unix" ? { path: address.path } : { host: address.host, port: address.port };
}

function boundAddress(server: Server, address: Address): Address {
  const bound = server.address();
  return address.transport === "tcp" && typeof bound === "object" && bound !== null
    ? { ...address, port: bound.port }
    : address;
}

/** Whoever can connect can call what is exposed: the directory is what keeps other users out. */
function mustBePrivate(address: Address & { transport: "unix" }): void {
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

/** Anyone on the network could call what is exposed. */
function mustBeLocal(address: Address & { transport: "tcp" }): void {
  const { host, family } = address;
  const isLocal = family === "ip4" ? host.startsWith("127.") : family === "ip6" ? host === "::1" : host === "localhost";
  if (isLocal) return;
  throw new ListenError(
    formatAddress(address),
    "peers from other hosts are not authenticated; listen on a loopback address or a Unix socket, and tunnel",
  );
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && "syscall" in error;
}
