/** The two ends of a connection between actors that are not parent and child: listening, and connecting. */
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Operation, until } from "effection";
import { ConnectError, ListenError } from "../errors/mod.ts";
import { park } from "../sc/park.ts";
import { sleep } from "../sc/sleep.ts";
import { moveOnAfter, shielded } from "../sc/timeouts.ts";
import { type Address, formatAddress } from "../wire/mod.ts";
import { type Credentials, SECRET_VARIABLE } from "./credentials.ts";
import { fileAt, removeDead } from "./dead-socket.ts";
import type { Entrance } from "./entrance.ts";
import {
  CONNECT_TIMEOUT_MS,
  DEAD_SOCKET_PAUSE_MS,
  KEEP_ALIVE_MS,
  LOOKS_AT_DEAD_SOCKET,
  MAX_BIND_ATTEMPTS,
} from "./limits.ts";
import { isSystemError } from "./system-error.ts";
import { mustBelongToUs, mustBePrivate } from "./unix-socket.ts";

/**
 * Listen on `address` while `body` runs. A Unix socket is refused while another process listens on it, and replaced
 * where none does; its directory is made for this user alone if there is none, and must be so if there is. Connections
 * that were accepted outlive the listener: they are their owner's to end.
 *
 * @param credentials - asked of all that connect by TCP; without them only loopback addresses are listened on
 * @param accept - is given each connection, at once; where there are credentials, once the peer has shown its own
 * @param body - is given the address as bound: port 0 has become a port
 * @throws ListenError with what is wrong with the address, and what to do
 */
export function* openListener<T>(
  address: Address,
  credentials: Credentials | undefined,
  accept: (stream: Duplex) => void,
  body: (bound: Address) => Operation<T>,
): Operation<T> {
  if (address.transport === "unix") mustBePrivate(address);
  else mustBeGuarded(address, credentials);
  const asked = address.transport === "tcp" ? credentials : undefined;
  const entrances = asked === undefined ? undefined : yield* until(import("./entrance.ts"));
  const server = createServer({
    pauseOnConnect: false,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  let entrance: Entrance | undefined;
  try {
    yield* bind(server, address);
    const bound = boundAddress(server, address);
    if (asked !== undefined && entrances !== undefined) entrance = new entrances.Entrance(bound, asked, accept);
    server.on("connection", entrance?.enter ?? accept);
    return yield* body(bound);
  } finally {
    if (server.listening) yield* shielded(() => closed(server));
    entrance?.end();
  }
}

/**
 * Connect to whoever listens on `address`.
 *
 * @param credentials - shown to who listens on TCP, and asked of them; without them only loopback addresses are
 *   connected to
 * @param timeoutMs - for the connection to be made; `CONNECT_TIMEOUT_MS` unless told
 * @throws ConnectError if nobody does, or does not answer in time, or it is not safe to
 * @throws AuthenticationError if who listens does not know the secret; TypeError if the certificates cannot be used
 */
export function* openConnection(
  address: Address,
  credentials: Credentials | undefined,
  timeoutMs = CONNECT_TIMEOUT_MS,
): Operation<Duplex> {
  if (address.transport === "tcp" && credentials === undefined && !isLoopback(address)) {
    throw new ConnectError(
      formatAddress(address),
      `who listens on another host has to know a secret, and there is none to ask for; give one by the option secret, or set ${SECRET_VARIABLE}`,
    );
  }
  if (address.transport === "unix") mustBelongToUs(address);
  if (address.transport === "unix" || credentials === undefined) return yield* connected(address, timeoutMs);
  const { checkCertificates, openSecured } = yield* until(import("./secure.ts"));
  checkCertificates(credentials);
  return yield* openSecured(yield* connected(address, timeoutMs), address, credentials);
}

function* connected(address: Address, timeoutMs: number): Operation<Socket> {
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
    stream.setKeepAlive(true, KEEP_ALIVE_MS);
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
  for (let attempts = 1; ; attempts++) {
    const before = address.transport === "unix" ? fileAt(address.path) : undefined;
    try {
      return yield* listening(server, address);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (error.code !== "EADDRINUSE") throw new ListenError(formatAddress(address), error.message, { cause: error });
      if (address.transport !== "unix" || attempts === MAX_BIND_ATTEMPTS || (yield* isAnswered(address))) {
        throw new ListenError(formatAddress(address), "it is in use; choose another, or end who listens there", {
          cause: error,
        });
      }
      // Whoever made it was killed: a socket file outlives its process.
      if (before !== undefined) removeDead(address.path, before);
    }
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

/** Somebody may have made the socket just now, and not listen yet: who is refused looks again. */
function* isAnswered(address: Address): Operation<boolean> {
  for (let looks = 1; ; looks++) {
    try {
      (yield* connected(address, CONNECT_TIMEOUT_MS)).destroy();
      return true;
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      if (looks === LOOKS_AT_DEAD_SOCKET) return false;
    }
    yield* sleep(DEAD_SOCKET_PAUSE_MS);
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

/** Anyone on the network could call what is exposed. */
function mustBeGuarded(address: TcpAddress, credentials: Credentials | undefined): void {
  if (credentials === undefined && !isLoopback(address)) {
    throw new ListenError(
      formatAddress(address),
      `other hosts can reach it, and no secret says who may connect; give one by the option secret, or set ${SECRET_VARIABLE}, or listen on a loopback address or a Unix socket`,
    );
  }
  const tls = credentials?.reveal().tls;
  if (tls === undefined || tls.cert !== undefined) return;
  throw new ListenError(
    formatAddress(address),
    "the option tls has no key and cert, which an actor that listens shows",
  );
}

type TcpAddress = Address & { readonly transport: "tcp" };

/** Whether only processes of this host can connect to it. */
export function isLoopback({ family, host }: TcpAddress): boolean {
  return family === "ip4" ? host.startsWith("127.") : family === "ip6" ? host === "::1" : host === "localhost";
}
