/**
 * Who may say what, and when, in a dialog. Pure: the same table tells the side that speaks what it may say, and the side
 * that hears what it may be told, so that the two can be explored together (`tests/rpc/dialog-rules.test.ts`).
 *
 *     asking side      Start ─┬───────────────────────────── Yield* Credit* Stop ──────────►
 *     answering side          └─ StartAck ── Started ── Yield* Credit* Stop ── Return | Error
 *
 * A call has neither first value nor items; a producer sends items and receives none, and its consumer says with the
 * request how many it takes, before it knows what answers. Cancelling is no word of this
 * dialog: it is a request of its own (`cancel-request.ts`), and may cross the last word of this one.
 */
import type { FuncType, MsgType } from "../wire/mod.ts";

/** What is asked for: a function's result, a linked pair of tasks, or a one-way stream. */
export type DialogKind = "call" | "context" | "producer";

/** How the wire calls them. */
export const FUNCTYPES: Readonly<Record<DialogKind, FuncType>> = {
  call: "asyncfunc",
  context: "context",
  producer: "asyncgen",
};

/** How far the answering side has come. */
export type Answering = "asked" | "accepted" | "started" | "stopped" | "ended";

/** How far the asking side has come, after its `Start`. */
export type Asking = "open" | "stopped";

type Steps<State extends string> = Readonly<Partial<Record<State, Readonly<Partial<Record<MsgType, State>>>>>>;

const REFUSED: Readonly<Partial<Record<MsgType, Answering>>> = { StartAck: "accepted", Error: "ended" };

const ANSWERS: Readonly<Record<DialogKind, Steps<Answering>>> = {
  call: {
    // At once by who was asked to be terse.
    asked: { ...REFUSED, Return: "ended" },
    accepted: { Return: "ended", Error: "ended" },
  },
  context: {
    asked: REFUSED,
    // A result without a first value is the opener's error to raise; it ends the dialog all the same.
    accepted: { Started: "started", Return: "ended", Error: "ended" },
    started: { Yield: "started", Credit: "started", Stop: "stopped", Return: "ended", Error: "ended" },
    // A peer may say twice that its stream has ended.
    stopped: { Stop: "stopped", Return: "ended", Error: "ended" },
  },
  producer: {
    asked: REFUSED,
    accepted: { Yield: "accepted", Stop: "stopped", Return: "ended", Error: "ended" },
    stopped: { Stop: "stopped", Return: "ended", Error: "ended" },
  },
};

const QUESTIONS: Readonly<Record<DialogKind, Steps<Asking>>> = {
  call: {},
  context: {
    open: { Yield: "open", Credit: "open", Stop: "stopped" },
    stopped: { Stop: "stopped" },
  },
  // A consumer that leaves cancels its producer, which says all.
  producer: {
    open: { Credit: "open" },
  },
};

/** Where the answering side is once it has said `said`; undefined if it may not say that there. */
export function afterAnswer(kind: DialogKind, at: Answering, said: MsgType): Answering | undefined {
  return ANSWERS[kind][at]?.[said];
}

/**
 * Where the asking side is once it has said `said`; undefined if it may not say that there. In a context it speaks only
 * after it has heard the first value.
 *
 * @param answering - where the answering side is, as far as the one who asks has heard
 */
export function afterQuestion(kind: DialogKind, answering: Answering, at: Asking, said: MsgType): Asking | undefined {
  if (kind === "context" && (answering === "asked" || answering === "accepted")) return undefined;
  return QUESTIONS[kind][at]?.[said];
}
