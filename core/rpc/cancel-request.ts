/** Asking a peer to cancel: one of its tasks, or the whole actor. A request, answered by an acknowledgement. */
import type { Operation } from "effection";
import { formatActorId } from "../actor-id.ts";
import { ActorTooSlowError, type TransportClosed } from "../errors/mod.ts";
import { journal } from "../log/mod.ts";
import { Deferred } from "../sc/deferred.ts";
import { moveOnAfter } from "../sc/timeouts.ts";
import { type Cid, type Message, type UndecodablePayload, unboxError } from "../wire/mod.ts";
import type { Channel, DialogHalf } from "./channel.ts";
import { ANY_PAYLOAD, CANCEL_ACK_TIMEOUT_MS } from "./limits.ts";
import { ownErrors } from "./own-types.ts";

/** The namespace in which the runtime itself is asked. */
export const SELF_NAMESPACE = "self";
/** Cancel the task that serves a dialog. */
export const CANCEL_TASK = "_cancel_task";
/** Answered once the actor has imported its modules and serves. */
export const READY = "_ready";
/** Cancel the whole actor. */
export const CANCEL_ACTOR = "cancel";

export interface CancelDetails {
  /** For people. */
  readonly reason: string;
  /** Time for tasks that have asked for notice to end by themselves, in milliseconds; none unless told. */
  readonly graceMs?: number;
}

export class CancelRequest implements DialogHalf {
  /** Resolves when the peer has acknowledged; false means that there was nothing left to cancel. */
  readonly acknowledged = new Deferred<boolean>("acknowledgement of a cancel request", true);
  readonly #channel: Channel;
  readonly #cid: Cid;

  private constructor(channel: Channel, func: string, kwargs: Readonly<Record<string, unknown>>, extra: CancelDetails) {
    this.#channel = channel;
    this.#cid = channel.newCid();
    channel.add(this.#cid, this);
    channel.send({
      msg_type: "Start",
      cid: this.#cid,
      ns: SELF_NAMESPACE,
      func,
      // A plain peer's function takes no argument that it does not know.
      kwargs: channel.isPlain ? kwargs : { ...kwargs, ...extra },
      uid: channel.selfUid,
      pld_spec: ANY_PAYLOAD,
      terse: true,
    });
  }

  static #log(channel: Channel, details: CancelDetails, dialog: string | undefined): void {
    const to = channel.peer === undefined ? "an unknown peer" : formatActorId(channel.peer.id);
    const what = dialog === undefined ? `asked ${to} to end` : `asked ${to} to cancel ${dialog}`;
    journal.write("cancel", "cancel.sent", `${what}: ${details.reason}`, { to, ...details }, { dialog });
  }

  static ofTask(channel: Channel, cid: Cid, details: CancelDetails): CancelRequest {
    if (journal.isEnabled("cancel")) {
      CancelRequest.#log(channel, details, channel.get(cid)?.label ?? `dialog ${cid}`);
    }
    return new CancelRequest(channel, CANCEL_TASK, { cid }, details);
  }

  static ofActor(channel: Channel, details: CancelDetails): CancelRequest {
    if (journal.isEnabled("cancel")) CancelRequest.#log(channel, details, undefined);
    return new CancelRequest(channel, CANCEL_ACTOR, {}, details);
  }

  /**
   * Wait for the acknowledgement; a connection that ends meanwhile counts as one.
   *
   * @throws ActorTooSlowError if it does not come within `timeoutMs`
   */
  *wait(timeoutMs = CANCEL_ACK_TIMEOUT_MS): Operation<void> {
    const acked = yield* moveOnAfter(timeoutMs, () => this.acknowledged.wait());
    const peer = this.#channel.peer?.id;
    if (acked === undefined && peer !== undefined) throw new ActorTooSlowError(peer, timeoutMs);
  }

  receive(message: Message): void {
    if (message.msg_type === "CancelAck") this.#settle(() => this.acknowledged.resolve(message.pld));
    else if (message.msg_type === "Error") this.#settle(() => this.acknowledged.reject(unboxError(message, ownErrors)));
  }

  undecodable(error: UndecodablePayload): void {
    this.#settle(() => this.acknowledged.reject(error));
  }

  disconnected(_error: TransportClosed): void {
    this.acknowledged.resolve(false);
  }

  #settle(how: () => void): void {
    this.#channel.remove(this.#cid);
    how();
  }
}
