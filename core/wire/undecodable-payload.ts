/** Raised for a message that is well-formed but whose payload holds a value that this side cannot revive. */
import { MsgTypeError, ProtocolError } from "../errors/mod.ts";
import type { Cid, MsgType } from "./message.ts";

/**
 * It concerns one dialog, not the connection: catch it before `ProtocolError`, and end dialog `cid` with
 * `toMsgTypeError()`.
 */
export class UndecodablePayload extends ProtocolError {
  readonly msgType: MsgType;
  /** The dialog; undefined for messages that belong to none. */
  readonly cid: Cid | undefined;
  readonly slot: string;
  /** What could not be revived, such as `a value of type "money", for which this side was given no codec`. */
  readonly found: readonly string[];

  constructor(msgType: MsgType, cid: Cid | undefined, slot: string, found: readonly string[]) {
    super(`received ${msgType} with ${found.join("; ")}`);
    this.msgType = msgType;
    this.cid = cid;
    this.slot = slot;
    this.found = found;
  }

  /** @param dialog - what its user knows it by: `feed.ticks` */
  toMsgTypeError(dialog = this.cid === undefined ? undefined : String(this.cid)): MsgTypeError {
    const issues = this.found.map((message) => ({ path: [], message }));
    return new MsgTypeError(this.slot, issues, dialog);
  }
}
