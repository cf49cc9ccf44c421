/**
 * The vocabulary: what two actors say to each other so that a task in one and a task in the other live and die as one.
 * Field names are those of the protocol. How a message is spelled in bytes is in `spelling.ts`.
 */
import type { ActorId } from "../actor-id.ts";

/** An actor as `[name, uuid]`. */
export type Uid = readonly [name: string, uuid: string];

/** A dialog: a string in the named spelling, a small non-negative integer in the compact one. */
export type Cid = string | number;

/** TCP: `["127.0.0.1", 1616]`; Unix socket: `["unix", "/run/x.sock"]`. */
export type WireAddress = readonly [string, string | number];

/** First message of each side on every connection: who I am, and in `ext` which additions I understand. */
export interface Aid {
  readonly msg_type: "Aid";
  readonly name: string;
  readonly uuid: string;
  readonly pid: number | null;
  readonly is_registrar: boolean | null;
  readonly is_probe: boolean;
  readonly ext?: readonly string[] | undefined;
}

/** Parent to child, right after `Aid`. */
export interface SpawnSpec {
  readonly msg_type: "SpawnSpec";
  readonly _parent_main_data: Readonly<Record<string, unknown>>;
  readonly _runtime_vars: Readonly<Record<string, unknown>>;
  /** Short name or URL to URL. */
  readonly enable_modules: Readonly<Record<string, string>>;
  readonly reg_addrs: readonly WireAddress[];
  readonly bind_addrs: readonly WireAddress[] | null;
}

/** Run `ns:func` with named arguments as dialog `cid`. */
export interface Start {
  readonly msg_type: "Start";
  readonly cid: Cid;
  readonly ns: string;
  readonly func: string;
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly uid: Uid;
  readonly pld_spec: string;
  /** Time the caller has left, in milliseconds. */
  readonly deadline?: number | undefined;
  /** W3C `traceparent`. */
  readonly trace?: string | undefined;
  /** Run on if the caller's connection drops. */
  readonly detached?: boolean | undefined;
  /** If it is a plain function, its result or its error says so, and no `StartAck` is wanted before. */
  readonly terse?: boolean | undefined;
}

export type FuncType = "asyncfunc" | "asyncgen" | "context";

/** Accepted, and what kind of function it is. */
export interface StartAck {
  readonly msg_type: "StartAck";
  readonly cid: Cid;
  readonly functype: FuncType;
}

/** The first value of a context. */
export interface Started {
  readonly msg_type: "Started";
  readonly cid: Cid;
  readonly pld: unknown;
}

/** One stream item, either direction; with `batch`, `pld` is an array of items. */
export type Yield =
  | { readonly msg_type: "Yield"; readonly cid: Cid; readonly pld: unknown; readonly batch?: undefined }
  | { readonly msg_type: "Yield"; readonly cid: Cid; readonly pld: readonly unknown[]; readonly batch: true };

/** This side's stream ended in good order. */
export interface Stop {
  readonly msg_type: "Stop";
  readonly cid: Cid;
}

/** The final result. */
export interface Return {
  readonly msg_type: "Return";
  readonly cid: Cid;
  readonly pld: unknown;
}

/** Answer to a cancel request. */
export interface CancelAck {
  readonly msg_type: "CancelAck";
  readonly cid: Cid;
  readonly pld: boolean;
}

/** What a task threw, as data. Also carries `ContextCancelled`, `StreamOverrun` and `MsgTypeError`. */
export interface ErrorMsg {
  readonly msg_type: "Error";
  readonly src_uid: Uid;
  /** The class of what was thrown first. */
  readonly src_type_str: string;
  /** The class of what the sender caught: another one than `src_type_str` if the sender only passes it on. */
  readonly boxed_type_str: string;
  /** The actors it passed through, origin first, sender last. */
  readonly relay_path: readonly Uid[];
  readonly message: string | null;
  /** The stack, as text. */
  readonly tb_str: string;
  readonly canceller: Uid | null;
  readonly sender: Uid | null;
  /** Null if the error concerns the connection, not one dialog. */
  readonly cid: Cid | null;
  readonly _bad_msg: unknown;
  readonly _bad_msg_as_dict: unknown;
  /** The error in full; only to a peer that understands it. */
  readonly boxed?: BoxedError | undefined;
}

/** Grants the other side room for so many more items and bytes of its stream. */
export interface Credit {
  readonly msg_type: "Credit";
  readonly cid: Cid;
  readonly items: number;
  readonly bytes: number;
}

/**
 * A part of a message that is too long to be sent in one go without holding up other dialogs. The parts of one message
 * follow each other in its dialog; between them come the messages of others.
 */
export interface Part {
  readonly msg_type: "Part";
  readonly cid: Cid;
  /** Bytes of the whole message. */
  readonly size: number;
  readonly bytes: Uint8Array;
}

/** Child to parent: one record of the log, of the child or of an actor below it, on its way to the root. */
export interface LogMsg {
  readonly msg_type: "Log";
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: string;
  /** `name@` and the first eight digits of the uuid. */
  readonly actor: string;
  readonly pid: number;
  readonly event: string;
  readonly message: string;
  readonly task: string | null;
  readonly dialog: string | null;
  /** Plain data: strings, numbers, booleans, nils, arrays and maps. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export type Message =
  | Aid
  | SpawnSpec
  | Start
  | StartAck
  | Started
  | Yield
  | Stop
  | Return
  | CancelAck
  | ErrorMsg
  | Credit
  | Part
  | LogMsg;

export type MsgType = Message["msg_type"];

/**
 * A JavaScript error as data.
 * - `error`: an `Error`, any class
 * - `group`: an `AggregateError` or `ExceptionGroup`, its members in `errors`
 * - `runtime`: one of the runtime's own, which comes back as itself; its facts are in `data`
 * - `remote`: an error that came from another actor and stands inside this one, as its cause or in its group
 * - `value`: something thrown that is not an error, in `value`
 */
export interface BoxedError {
  readonly kind: "error" | "group" | "runtime" | "remote" | "value";
  /** Name of its class, by which a registered one is found; `name` is what it calls itself. */
  readonly type: string;
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: string | number | undefined;
  /** Own enumerable properties, other than those with a field here. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: BoxedError | undefined;
  readonly errors?: readonly BoxedError[] | undefined;
  /** Members of the group that were left out because there were too many. */
  readonly omitted?: number | undefined;
  readonly value?: unknown;
  /** Of kind `remote`: the actor it was thrown in, and those it passed through, origin first. */
  readonly src?: Uid | undefined;
  readonly relay?: readonly Uid[] | undefined;
}

/** Additions to the protocol, in the order in which `Aid` lists them. */
export const FEATURES = ["compact", "batch", "credit", "boxed", "deadline", "trace", "parts", "log", "terse"] as const;

export type Feature = (typeof FEATURES)[number];

/** What both sides list; a peer that lists nothing is spoken to in the plain protocol. */
export function negotiate(
  ours: readonly string[] | undefined,
  theirs: readonly string[] | undefined,
): ReadonlySet<Feature> {
  return new Set(FEATURES.filter((f) => ours?.includes(f) === true && theirs?.includes(f) === true));
}

export function toUid(actor: ActorId): Uid {
  return [actor.name, actor.uuid];
}

export function fromUid(uid: Uid): ActorId {
  return { name: uid[0], uuid: uid[1] };
}
