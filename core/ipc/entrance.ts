/** Where peers wait that have connected and have not shown yet that they know the secret: few, and not for long. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { AuthenticationError } from "../errors/mod.ts";
import { journal } from "../log/mod.ts";
import { type Clock, realClock } from "../sc/clock.ts";
import { type Address, formatAddress } from "../wire/mod.ts";
import type { Credentials } from "./credentials.ts";
import { HANDSHAKE_TIMEOUT_MS, MAX_REFUSALS_LOGGED, MAX_UNAUTHENTICATED, REFUSAL_LOG_PERIOD_MS } from "./limits.ts";
import { answer, type Failure } from "./secure.ts";

/** Somebody who has connected. */
interface Entrant {
  /** Send it away, and tell of that. */
  refuse(why: string): void;
  /** Send it away: nobody listens any more. */
  drop(): void;
}

export class Entrance {
  readonly #credentials: Credentials;
  readonly #accept: (stream: Duplex) => void;
  readonly #clock: Clock;
  readonly #refusals: RefusalLog;
  /** The one that has waited longest is first. */
  readonly #waiting = new Set<Entrant>();

  /** @param accept - is given the stream of each peer that knows the secret, at once */
  constructor(address: Address, credentials: Credentials, accept: (stream: Duplex) => void, clock: Clock = realClock) {
    this.#credentials = credentials;
    this.#accept = accept;
    this.#clock = clock;
    this.#refusals = new RefusalLog(formatAddress(address), clock);
  }

  /** A peer has connected. */
  readonly enter = (raw: Socket): void => {
    if (this.#waiting.size >= MAX_UNAUTHENTICATED) {
      const [oldest] = this.#waiting;
      oldest?.refuse(
        `${MAX_UNAUTHENTICATED} others have connected since, and it has not shown that it knows the secret`,
      );
    }
    const peer = remoteOf(raw);
    const settle = (failure?: Failure) => {
      if (!leave()) return;
      if (failure === undefined) return this.#accept(stream);
      this.#refusals.tell(new AuthenticationError(peer, failure.why, { cause: failure.cause }));
      // One that is told why ends by itself.
      if (!stream.writableEnded) drop();
    };
    const drop = () => {
      leave();
      stream.destroy();
      raw.destroy();
    };
    const entrant = { drop, refuse: (why: string) => settle({ why }) };
    const late = () => entrant.refuse(`it did not show within ${HANDSHAKE_TIMEOUT_MS} ms that it knows the secret`);
    const disarm = this.#clock.at(this.#clock.now() + HANDSHAKE_TIMEOUT_MS, late);
    const leave = () => {
      disarm();
      return this.#waiting.delete(entrant);
    };
    this.#waiting.add(entrant);
    const stream = answer(raw, this.#credentials, settle);
  };

  /** Nobody is let in any more; those that wait are sent away. */
  end(): void {
    for (const entrant of this.#waiting) entrant.drop();
    this.#refusals.end();
  }
}

/** Refused peers as warnings, and of many only some: who is refused chooses how often. */
class RefusalLog {
  readonly #address: string;
  readonly #clock: Clock;
  #since = Number.NEGATIVE_INFINITY;
  #told = 0;
  #untold = 0;

  constructor(address: string, clock: Clock) {
    this.#address = address;
    this.#clock = clock;
  }

  tell(error: AuthenticationError): void {
    const now = this.#clock.now();
    if (now - this.#since >= REFUSAL_LOG_PERIOD_MS) {
      this.end();
      this.#since = now;
      this.#told = 0;
    }
    if (this.#told >= MAX_REFUSALS_LOGGED) {
      this.#untold++;
      return;
    }
    this.#told++;
    const facts = { peer: error.address, address: this.#address, error: error.name };
    journal.write("warn", "peer.refused", `a peer was refused: ${error.message}`, facts);
  }

  /** Say how many were left out. */
  end(): void {
    if (this.#untold === 0) return;
    const facts = { count: this.#untold, address: this.#address };
    journal.write("warn", "peers.refused", `${this.#untold} more peers were refused at ${this.#address}`, facts);
    this.#untold = 0;
  }
}

function remoteOf({ remoteAddress = "", remoteFamily, remotePort = 0 }: Socket): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(remoteAddress)?.[1];
  const family = remoteFamily === "IPv6" && mapped === undefined ? "ip6" : "ip4";
  return `/${family}/${mapped ?? remoteAddress}/tcp/${remotePort}`;
}
