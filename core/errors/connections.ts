/** What goes wrong on the way to a peer. */
import { type ActorId, formatActorId } from "../actor-id.ts";
import { foldWhenPrinted } from "../stack-frames.ts";

/** Raised when the byte stream to a peer is gone; the peer itself may be alive. */
export class TransportClosed extends Error {
  override readonly name = "TransportClosed";
  readonly peer: ActorId | undefined;

  constructor(peer: ActorId | undefined, why = "connection closed", options?: ErrorOptions) {
    super(`connection to ${peer === undefined ? "an unknown peer" : formatActorId(peer)}: ${why}`, options);
    this.peer = peer;
  }
}

/** Raised where an actor cannot be listened for on an address. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  /** As a multiaddr. */
  readonly address: string;
  constructor(address: string, why: string, options?: ErrorOptions) {
    super(`cannot listen on ${address}: ${why}`, options);
    this.address = address;
  }
}

/** Raised where no actor can be reached at an address. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  /** As a multiaddr. */
  readonly address: string;
  constructor(address: string, why: string, options?: ErrorOptions) {
    super(`cannot connect to ${address}: ${why}`, options);
    this.address = address;
  }
}

/** Raised where a peer does not show that it knows the secret, or does not accept what this side shows. */
export class AuthenticationError extends Error {
  override readonly name = "AuthenticationError";
  /** Of the peer, as a multiaddr. */
  readonly address: string;
  constructor(address: string, why: string, options?: ErrorOptions) {
    super(`cannot authenticate with ${address}: ${why}`, options);
    this.address = address;
  }
}

/** Raised when a peer sends what the protocol does not allow; the connection is closed. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  constructor(what: string, options?: ErrorOptions) {
    super(what, options);
  }
}

foldWhenPrinted(TransportClosed, ListenError, ConnectError, AuthenticationError, ProtocolError);
