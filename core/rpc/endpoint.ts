/**
 * What an actor offers: plain exported functions, which are called, and contexts, which are opened. The types of a
 * dialog flow from here to its caller without being written twice.
 */
import type { Operation } from "effection";
import type { Context } from "./context.ts";

/** What a dialog carries, seen from the endpoint's own side. Leave out what it does not use. */
export interface Dialog {
  /** The first value, given to `ctx.started`. */
  started?: unknown;
  /** Items the endpoint sends. */
  send?: unknown;
  /** Items the endpoint receives. */
  receive?: unknown;
}

/** The type of one slot of a dialog; undefined where the dialog does not use it. */
export type Slot<D, K extends keyof Dialog> = D extends { [P in K]?: infer V }
  ? unknown extends V
    ? undefined
    : V
  : undefined;

/** The same dialog seen from the caller. */
export type Flipped<D> = { started: Slot<D, "started">; send: Slot<D, "receive">; receive: Slot<D, "send"> };

const endpointKind = Symbol.for("espalier.endpoint");

/** A function that runs as one half of a linked pair of tasks; export it, and callers open it. */
export interface ContextEndpoint<A, D extends Dialog, R> {
  readonly [endpointKind]: "context";
  readonly run: (ctx: Context<D>, args: A) => Operation<R>;
}

/** As what the runtime sees it: nothing is known of the types. */
export type AnyContextEndpoint = ContextEndpoint<never, Dialog, unknown>;

/**
 * Make a context endpoint of `fn`. It runs in the actor that is asked; `ctx` is its half of the dialog.
 *
 * ```ts
 * interface Ticks { started: number; send: Tick; receive: Ack }
 * export const ticks = context(function* (ctx: Context<Ticks>, { symbol }: { symbol: string }) { … });
 * ```
 */
export function context<A extends object, D extends Dialog, R>(
  fn: (ctx: Context<D>, args: A) => Operation<R>,
): ContextEndpoint<A, D, R> {
  if (typeof fn !== "function") throw new TypeError(`context() takes a generator function, got ${typeof fn}`);
  return { [endpointKind]: "context", run: fn };
}

export function isContextEndpoint(value: unknown): value is AnyContextEndpoint {
  return typeof value === "object" && value !== null && endpointKind in value && value[endpointKind] === "context";
}

/** What a called function is given besides its arguments, where it is an async function. */
export interface PromiseIo {
  /** Aborted when the caller cancels, or goes away. */
  readonly signal: AbortSignal;
}

/** Anything of an exposed module that can be called with `portal.run`. */
export type Callable<A, R> = (args: A, io: PromiseIo) => Operation<R> | Promise<R>;

/** The arguments after the function: none, optional or required, as it declares. */
export type ArgsOf<F> = F extends () => unknown
  ? []
  : F extends (args: infer A, ...rest: never[]) => unknown
    ? object extends A
      ? [args?: A]
      : [args: A]
    : never;

export type ResultOf<F> = F extends (...args: never[]) => infer R
  ? R extends Operation<infer T>
    ? R extends Promise<infer P>
      ? P
      : T
    : R extends Promise<infer P>
      ? P
      : never
  : never;
