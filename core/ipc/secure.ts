/**
 * TCP connections between peers that share a secret. They are encrypted by TLS: with certificates where those are given,
 * else with a key that both sides make from the secret. Inside, each side shows the other that it knows the secret, for
 * this very channel. Loaded when the first secret is used: most trees never need it.
 */
import { constants, createSecretKey, hkdfSync, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import {
  connect,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  TLSSocket,
  type TLSSocketOptions,
  type TlsOptions,
} from "node:tls";
import type { Operation } from "effection";
import { AuthenticationError } from "../errors/mod.ts";
import { park } from "../sc/park.ts";
import { moveOnAfter } from "../sc/timeouts.ts";
import { type Address, formatAddress } from "../wire/mod.ts";
import { Challenge, NONCE_BYTES, type Role } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import { HANDSHAKE_TIMEOUT_MS } from "./limits.ts";
import { isSystemError } from "./system-error.ts";

const KEY_BYTES = 32;
const PSK_IDENTITY = "espalier";

/** By the secret alone: TLS 1.2, as Node has no keys of one's own for 1.3. Its one suite has forward secrecy. */
const BY_SECRET = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
  ciphers: "ECDHE-PSK-CHACHA20-POLY1305",
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
} as const satisfies SecureContextOptions;

const BY_CERTIFICATE = { minVersion: "TLSv1.3" } as const satisfies SecureContextOptions;

/** Names the channel: of RFC 9266, "tls-exporter". */
const BINDING = { length: 32, label: "EXPORTER-Channel-Binding", context: Buffer.alloc(0) };

interface Prepared {
  readonly key: KeyObject;
  /** Undefined where certificates are used. */
  readonly psk: Buffer | undefined;
  readonly context: SecureContext;
}

const prepared = new WeakMap<Credentials, Prepared>();

/** @throws TypeError if the certificates are not usable */
function prepare(credentials: Credentials): Prepared {
  const known = prepared.get(credentials);
  if (known !== undefined) return known;
  const { secret, tls } = credentials.reveal();
  const { key, cert, ca } = tls ?? {};
  const derive = (use: string) => Buffer.from(hkdfSync("sha256", secret, "", `espalier-auth/1 ${use}`, KEY_BYTES));
  const made = {
    key: createSecretKey(derive("challenge")),
    psk: tls === undefined ? derive("tls-psk") : undefined,
    context: createContext(tls === undefined ? BY_SECRET : { ...BY_CERTIFICATE, key, cert, ca }),
  };
  prepared.set(credentials, made);
  return made;
}

function createContext(options: SecureContextOptions): SecureContext {
  try {
    // What is no certificate would be left out in silence, and then nobody trusted.
    if (options.ca !== undefined) new X509Certificate(String(options.ca));
    return createSecureContext(options);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`tls: key, cert and ca must be PEM, and the key that of the certificate: ${why}`, { cause });
  }
}

/** @throws TypeError if they cannot be used */
export function checkCertificates(credentials: Credentials): void {
  prepare(credentials);
}

/** How a peer was found not to be one: what to say of it, and its origin if there is one. */
export interface Failure {
  readonly why: string;
  readonly cause?: unknown;
}

/**
 * The listening side of `raw`, which has just been accepted. `settle` is called once, unless the stream is destroyed
 * before: without a failure when the peer has shown that it knows the secret; what it sends after that can be read then.
 */
export function answer(raw: Socket, credentials: Credentials, settle: (failure?: Failure) => void): TLSSocket {
  const { psk, context } = prepare(credentials);
  const options: TLSSocketOptions & Pick<TlsOptions, "pskCallback"> = {
    isServer: true,
    secureContext: context,
    ...(psk === undefined ? {} : { pskCallback: (_, identity) => (identity === PSK_IDENTITY ? psk : null) }),
  };
  const stream = new TLSSocket(raw, options);
  exchange(stream, "responder", credentials, settle);
  return stream;
}

/**
 * The connecting side of `raw`, which is connected: until the peer has shown that it knows the secret. `raw` is the
 * stream's from now on, and goes with it.
 *
 * @throws AuthenticationError if it does not, or not within `HANDSHAKE_TIMEOUT_MS`
 */
export function* openSecured(raw: Socket, address: Address, credentials: Credentials): Operation<TLSSocket> {
  const text = formatAddress(address);
  let stream: TLSSocket | undefined;
  let isOpen = false;
  try {
    const done = yield* moveOnAfter(HANDSHAKE_TIMEOUT_MS, () =>
      park<TLSSocket>(
        `authentication with ${text}`,
        ({ wake, fail }) => {
          const secured = connect(connectOptions(raw, address, credentials));
          stream = secured;
          exchange(secured, "initiator", credentials, (failure) => {
            if (failure === undefined) wake(secured);
            else fail(new AuthenticationError(text, failure.why, { cause: failure.cause }));
          });
          return () => true;
        },
        { byHost: true },
      ),
    );
    if (done === undefined) throw new AuthenticationError(text, `it did not answer within ${HANDSHAKE_TIMEOUT_MS} ms`);
    // Who takes it on would not hear of that any more.
    if (done.destroyed) throw new AuthenticationError(text, "it ended the connection");
    isOpen = true;
    return done;
  } finally {
    if (!isOpen) {
      stream?.destroy();
      raw.destroy();
    }
  }
}

function connectOptions(raw: Socket, address: Address, credentials: Credentials) {
  const { psk, context } = prepare(credentials);
  if (psk !== undefined) {
    return {
      socket: raw,
      secureContext: context,
      pskCallback: () => ({ psk, identity: PSK_IDENTITY }),
      // There is no certificate: who has the key is the peer.
      checkServerIdentity: () => undefined,
    };
  }
  const { tls } = credentials.reveal();
  const host = address.transport === "tcp" ? address.host : "";
  // A number cannot be asked for by name; its certificate is checked against `host`.
  const name = tls?.serverName ?? (address.transport === "tcp" && address.family === "dns4" ? host : undefined);
  return { socket: raw, secureContext: context, host, ...(name === undefined ? {} : { servername: name }) };
}

/** Run the challenge on a stream of which the TLS handshake has not ended yet. */
function exchange(stream: TLSSocket, role: Role, credentials: Credentials, settle: (failure?: Failure) => void): void {
  const challenge = new Challenge({
    role,
    key: prepare(credentials).key,
    nonce: randomBytes(NONCE_BYTES),
    binding: () => stream.exportKeyingMaterial(BINDING.length, BINDING.label, BINDING.context),
  });
  const finish = (failure?: Failure) => {
    stream.off("readable", read).off("error", fail).off("close", closed).off(READY[role], greet);
    settle(failure);
  };
  const fail = (cause: Error) => finish({ why: explain(cause), cause });
  const closed = () => finish({ why: "it ended the connection" });
  const greet = () => stream.write(challenge.greeting);
  // Not by `data`: what the peer says after the challenge stays in the stream for whoever reads it next.
  const read = () => {
    for (let chunk: Buffer | null = stream.read(); chunk !== null && !stream.destroyed; chunk = stream.read()) {
      const step = challenge.push(chunk);
      if (step.state === "refused") {
        // It is told why, and then the connection ends.
        if (step.send !== undefined) stream.end(step.send, () => stream.destroy());
        return finish({ why: step.why });
      }
      if (step.send !== undefined) stream.write(step.send);
      if (step.state === "waiting") continue;
      if (step.rest.length > 0) stream.unshift(step.rest);
      return finish();
    }
  };
  // The first one stays: between this and who takes the stream on nobody else listens.
  stream.on("error", () => {}).on("error", fail);
  stream.on("close", closed).on("readable", read);
  stream.on(READY[role], greet);
}

/** Told when the TLS handshake is over; to the initiator once it has looked at the certificate too. */
const READY: Readonly<Record<Role, string>> = { initiator: "secureConnect", responder: "secure" };

const EXPLAINED: readonly (readonly [RegExp, string])[] = [
  [
    /BAD_RECORD_MAC|DECRYPT_ERROR/,
    "the secrets differ; give both sides the same one, by the option secret or by ESPALIER_SECRET",
  ],
  [
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH|UNKNOWN_PROTOCOL|UNEXPECTED_MESSAGE|BAD_RECORD_TYPE|LENGTH_MISMATCH/,
    "it speaks no TLS: it was given no secret, or is no actor",
  ],
  [
    /NO_SHARED_CIPHER|NO_CIPHERS|HANDSHAKE_FAILURE|UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION/,
    "there is no encryption that both sides take; give the option tls to both of them, or to none",
  ],
  [/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE)/, "it does not accept the certificate of this side; see its error"],
  [/^ECONNRESET$|^EPIPE$/, "it ended the connection"],
];

/** What an error of TLS means, by its code; they are many, and differ between versions of OpenSSL. */
function explain(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  for (const [pattern, why] of EXPLAINED) if (pattern.test(code)) return why;
  if (code.startsWith("ERR_SSL_") || isSystemError(error)) return error.message.trim();
  return `its certificate is refused: ${error.message.trim()}; see the options tls.ca and tls.serverName`;
}
