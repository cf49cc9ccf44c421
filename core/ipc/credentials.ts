/**
 * What an actor shows to peers that reach it over TCP, and asks of them: a secret that all of them know, and perhaps
 * certificates. It can be handed on, and is never printed.
 */
import type { Operation } from "effection";
import { until } from "effection";
import { MAX_SECRET_BYTES, MIN_SECRET_BYTES } from "./limits.ts";

/** The environment variable that has the secret, where no option has. */
export const SECRET_VARIABLE = "ESPALIER_SECRET";

/** Certificates, as PEM. Without them connections are encrypted as well, by a key made from the secret. */
export interface TlsOptions {
  /** Private key, without a passphrase, of an actor that listens. */
  readonly key?: string;
  /** Its certificate, followed by those that lead to `ca`. */
  readonly cert?: string;
  /** Certificates of the authorities that are trusted to vouch for actors; those that Node knows unless told. */
  readonly ca?: string;
  /** The name that the certificates of listening actors have, where it is not the host of their address. */
  readonly serverName?: string;
}

export interface CredentialOptions {
  /**
   * What all actors that talk to each other over TCP know, and nobody else: 16 bytes or more, a string as UTF-8. It should
   * be random, as from `openssl rand -hex 32`. Taken from `ESPALIER_SECRET` unless told.
   */
  readonly secret?: string | Uint8Array;
  /** Certificates for connections by TCP; they need a secret too. */
  readonly tls?: TlsOptions;
}

export class Credentials {
  readonly #secret: Uint8Array;
  readonly #tls: TlsOptions | undefined;

  private constructor(secret: Uint8Array, tls: TlsOptions | undefined) {
    this.#secret = secret;
    this.#tls = tls;
  }

  /**
   * Those that `options` give, or else the environment; undefined if there are none.
   *
   * @param call - whose options they are, for errors
   * @throws TypeError, RangeError naming the option that is not right
   */
  static from(options: CredentialOptions, call: string, env: NodeJS.ProcessEnv = {}): Credentials | undefined {
    const { secret = env[SECRET_VARIABLE] || undefined, tls } = options;
    const name = options.secret === undefined ? SECRET_VARIABLE : `${call}: secret`;
    if (tls !== undefined) checkTlsOptions(tls, `${call}: tls`);
    if (secret !== undefined) return new Credentials(secretBytes(secret, name), tls);
    if (tls === undefined) return undefined;
    throw new TypeError(
      `${call}: tls says who listens, and a secret who may connect: give a secret too, or set ${SECRET_VARIABLE}`,
    );
  }

  /** @internal Read by what secures connections, and by what hands it to a child. */
  reveal(): { readonly secret: Uint8Array; readonly tls: TlsOptions | undefined } {
    return { secret: this.#secret, tls: this.#tls };
  }

  /** Whether the certificates can be used. @throws TypeError saying why not */
  *check(): Operation<void> {
    if (this.#tls === undefined) return;
    const { checkCertificates } = yield* until(import("./secure.ts"));
    checkCertificates(this);
  }
}

function secretBytes(secret: unknown, name: string): Uint8Array {
  const isText = typeof secret === "string";
  if (!isText && !(secret instanceof Uint8Array)) {
    throw new TypeError(`${name} must be a string or a Uint8Array, got ${secret === null ? "null" : typeof secret}`);
  }
  const bytes = isText ? new TextEncoder().encode(secret) : Uint8Array.from(secret);
  if (bytes.length >= MIN_SECRET_BYTES && bytes.length <= MAX_SECRET_BYTES) return bytes;
  throw new RangeError(
    `${name} must have ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes, got ${bytes.length}; make one with: openssl rand -hex 32`,
  );
}

const TLS_FIELDS: readonly string[] = ["key", "cert", "ca", "serverName"] satisfies (keyof TlsOptions)[];

function checkTlsOptions(tls: unknown, name: string): void {
  if (typeof tls !== "object" || tls === null) throw new TypeError(`${name} must be an object, got ${String(tls)}`);
  const given: Partial<Record<string, unknown>> = { ...tls };
  for (const [field, value] of Object.entries(given)) {
    if (!TLS_FIELDS.includes(field)) {
      throw new TypeError(`${name}.${field} is not known; there are ${TLS_FIELDS.join(", ")}`);
    }
    if (value === undefined || (typeof value === "string" && value !== "")) continue;
    throw new TypeError(
      `${name}.${field} must be a string that is not empty, got ${value === "" ? '""' : typeof value}`,
    );
  }
  if ((given.key === undefined) !== (given.cert === undefined)) {
    throw new TypeError(`${name} has ${given.key === undefined ? "cert without key" : "key without cert"}; give both`);
  }
}
