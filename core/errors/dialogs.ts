/** What goes wrong between two tasks in two actors: what is asked for, what is sent, and what the other side throws. */
import { inspect } from "node:util";
import { type ActorId, formatActorId } from "../actor-id.ts";
import { foldFrames, foldWhenPrinted } from "../stack-frames.ts";

/** Raised at the caller when the target actor does not expose the module that was named. */
export class ModuleNotExposed extends Error {
  override readonly name = "ModuleNotExposed";
  readonly namespace: string;
  readonly exposed: readonly string[];

  constructor(namespace: string, exposed: readonly string[]) {
    const list = exposed.length === 0 ? "it exposes none" : `it exposes ${exposed.join(", ")}`;
    super(
      `module "${namespace}" is not exposed by the actor (${list}); add it to enableModules when the actor is started`,
    );
    this.namespace = namespace;
    this.exposed = exposed;
  }
}

/** Raised at the caller when an exposed module has no export of that name, or the export cannot be called remotely. */
export class FunctionNotFound extends Error {
  override readonly name = "FunctionNotFound";
  readonly namespace: string;
  readonly func: string;

  constructor(namespace: string, func: string, why = "is not exported by it") {
    super(namespace === "" ? `"${func}" ${why}` : `"${func}" of module "${namespace}" ${why}`);
    this.namespace = namespace;
    this.func = func;
  }
}

const OPENED_BY: Readonly<Record<string, string>> = {
  asyncfunc: "a function: call it with portal.run",
  context: "a context: open it with portal.openContext",
  asyncgen: "a producer of items: open it with portal.openStreamFrom",
};

/** Raised at the caller for an export that is there, but is not of the kind that it was asked for as. */
export class WrongEndpointKind extends TypeError {
  override readonly name = "WrongEndpointKind";
  readonly dialog: string;
  /** What it was asked for as: `call`, `context` or `producer`. */
  readonly expected: string;
  /** What it is, as the protocol calls it: `asyncfunc`, `context` or `asyncgen`. */
  readonly actual: string;

  constructor(dialog: string, expected: string, actual: string) {
    super(`${dialog} is ${OPENED_BY[actual] ?? actual}; it was asked for as a ${expected}`);
    this.dialog = dialog;
    this.expected = expected;
    this.actual = actual;
  }
}

/** One refused value: where in the message it stands and what was wrong with it. */
export interface MsgIssue {
  /** Keys from the payload down to the offending field; empty for the payload itself. */
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Raised for a value that its dialog does not allow, or that cannot be put on the wire at all. */
export class MsgTypeError extends TypeError {
  override readonly name = "MsgTypeError";
  /** Which part of the dialog the value was meant for: `args`, `started`, `send`, `receive`, `result`. */
  readonly slot: string;
  readonly issues: readonly MsgIssue[];
  readonly dialog: string | undefined;

  constructor(slot: string, issues: readonly MsgIssue[], dialog?: string) {
    const list = issues.map((i) => `${formatPath(slot, i.path)}: ${i.message}`).join("; ");
    super(`${dialog === undefined ? "" : `${dialog}: `}${list}`);
    this.slot = slot;
    this.issues = issues;
    this.dialog = dialog;
  }

  /** @internal The same refusal, named as its user knows the dialog. */
  inDialog(dialog: string, slot: string = this.slot): MsgTypeError {
    return new MsgTypeError(slot, this.issues, dialog);
  }
}

/** `args.user.tags[2]`: a path as a reader would write it. */
export function formatPath(slot: string, path: readonly PropertyKey[]): string {
  let out = slot;
  for (const key of path) {
    if (typeof key === "number") out += `[${key}]`;
    else if (typeof key === "string" && /^[A-Za-z_$][\w$]*$/.test(key)) out += `.${key}`;
    else out += `[${typeof key === "symbol" ? String(key) : JSON.stringify(key)}]`;
  }
  return out;
}

/** Raised at the sender when a stream with the `error` overflow policy has no room for an item. */
export class StreamOverrun extends Error {
  override readonly name = "StreamOverrun";
  readonly dialog: string | undefined;
  constructor(what: string, dialog?: string) {
    super(what);
    this.dialog = dialog;
  }
}

/** Raised when a context was cancelled by someone other than this side: the peer, or a third actor. */
export class ContextCancelled extends Error {
  override readonly name = "ContextCancelled";
  /** The actor that asked for the cancellation. */
  readonly canceller: ActorId;
  readonly dialog: string | undefined;

  constructor(canceller: ActorId, reason: string, dialog?: string, options?: ErrorOptions) {
    super(`${dialog ?? "context"} was cancelled by ${formatActorId(canceller)}: ${reason}`, options);
    this.canceller = canceller;
    this.dialog = dialog;
  }
}

/** What is known of an error that was thrown in another actor. */
export interface RemoteErrorFacts {
  /** The original's `name`, such as `TypeError`. */
  readonly remoteName: string;
  readonly remoteMessage: string;
  /** Stack as text, mapped to source where it was thrown; undefined for thrown non-errors. */
  readonly remoteStack: string | undefined;
  /** The actor in which it was thrown. */
  readonly srcActor: ActorId;
  /** The actors it passed through on its way here, origin first. */
  readonly relayPath: readonly ActorId[];
  /** The original's own enumerable data (and `code`), as far as it could be encoded. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The value itself: a revived instance for a registered class or a built-in one, or the thrown non-error. */
  readonly boxed: unknown;
}

/**
 * What a remote task threw, raised here. `message` begins with the original's own; the original's stack, cause chain,
 * data and actor are fields.
 */
export class RemoteActorError extends Error implements RemoteErrorFacts {
  override readonly name = "RemoteActorError";
  readonly remoteName: string;
  readonly remoteMessage: string;
  readonly remoteStack: string | undefined;
  readonly srcActor: ActorId;
  readonly relayPath: readonly ActorId[];
  readonly data: Readonly<Record<string, unknown>>;
  readonly boxed: unknown;

  constructor(facts: RemoteErrorFacts, options?: ErrorOptions) {
    super(`${facts.remoteName}: ${facts.remoteMessage} (in actor ${formatActorId(facts.srcActor)})`, options);
    this.remoteName = facts.remoteName;
    this.remoteMessage = facts.remoteMessage;
    this.remoteStack = facts.remoteStack;
    this.srcActor = facts.srcActor;
    this.relayPath = facts.relayPath;
    this.data = facts.data;
    this.boxed = facts.boxed;
    for (const key of ["remoteName", "remoteMessage", "remoteStack", "relayPath", "boxed"]) {
      Object.defineProperty(this, key, { enumerable: false });
    }
  }

  /** The local stack says where the call was made; the box below it is what happened over there. */
  [inspect.custom](_depth: number, options: import("node:util").InspectOptions, print: typeof inspect): string {
    const { cause: _cause, ...shown } = { ...this.data };
    const members = this.boxed instanceof AggregateError ? this.boxed.errors : [];
    const box = [
      this.remoteStack ?? `${this.remoteName}: ${this.remoteMessage}`,
      ...members.map((error, i) => `+-- ${i + 1}: ${print(error, options)}`),
      ...(Object.keys(shown).length === 0 ? [] : [`data: ${print(shown, options)}`]),
      ...(this.cause === undefined ? [] : [`[cause]: ${print(this.cause, options)}`]),
    ].join("\n");
    const path = [this.srcActor, ...this.relayPath.slice(1)].map(formatActorId).join(" > ");
    const body = box
      .split("\n")
      .map((line) => `  | ${line}`)
      .join("\n");
    return foldFrames(`${this.stack ?? String(this)}\n  +-- in ${path}\n${body}\n  +--`);
  }
}

foldWhenPrinted(ModuleNotExposed, FunctionNotFound, WrongEndpointKind, MsgTypeError, StreamOverrun, ContextCancelled);
