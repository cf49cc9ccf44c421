/**
 * What an actor offers: plain exported functions, which are called, and contexts, which are opened. The types of a
 * dialog flow from here to its caller without being written twice.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Operation } from "effection";
import type { TaskLog } from "../promise/mod.ts";
import type { Context } from "./context.ts";
import { isSchema, type Schema, type SlotName, type Specs } from "./schema.ts";

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

/** @internal Which kind of endpoint a value is. */
export const endpointKind: unique symbol = Symbol.for("espalier.endpoint");

/** A function that runs as one half of a linked pair of tasks; export it, and callers open it. */
export interface ContextEndpoint<A, D extends Dialog, R, RawD extends Dialog = D, RawR = R> {
  readonly [endpointKind]: "context";
  readonly run: (ctx: Context<D>, args: A) => Operation<R>;
  readonly specs: Specs | undefined;
  /** For the compiler alone: what a caller gets as the result, which a schema may have made of what `run` returns. */
  readonly result?: R;
  /** As above: what a caller gets that has not imported the endpoint, and so not its schemas. */
  readonly raw?: { readonly dialog: RawD; readonly result: RawR };
}

/** As what the runtime sees it: nothing is known of the types. */
export type AnyContextEndpoint = ContextEndpoint<never, Dialog, unknown>;

/** What its sender gives for a slot, and what its receiver gets. */
export type SlotIn<S, K extends string> = S extends { [P in K]: infer X extends Schema }
  ? StandardSchemaV1.InferInput<X>
  : undefined;
export type SlotOut<S, K extends string> = S extends { [P in K]: infer X extends Schema }
  ? StandardSchemaV1.InferOutput<X>
  : undefined;
type ArgsIn<S> = S extends { args: infer X extends Schema } ? StandardSchemaV1.InferInput<X> : object;
type ArgsOut<S> = S extends { args: infer X extends Schema } ? StandardSchemaV1.InferOutput<X> : object;

/** The dialog of `specs` as the endpoint has it: what it gives goes in, what it is given has come out. */
type OwnDialog<S> = { started: SlotIn<S, "started">; send: SlotIn<S, "send">; receive: SlotOut<S, "receive"> };
/** The same dialog as its caller has it, and as it is on the wire. */
type CallerDialog<S> = { started: SlotOut<S, "started">; send: SlotOut<S, "send">; receive: SlotIn<S, "receive"> };
type RawDialog<S> = { started: SlotIn<S, "started">; send: SlotIn<S, "send">; receive: SlotIn<S, "receive"> };

/** Specs without any schema: the types are then those of the function. */
export type Settings = Pick<Specs, "check" | "codecs"> & { readonly [K in SlotName]?: undefined };

/**
 * Make a context endpoint of `fn`. It runs in the actor that is asked; `ctx` is its half of the dialog.
 *
 * ```ts
 * interface Ticks { started: number; send: Tick; receive: Ack }
 * export const ticks = context(function* (ctx: Context<Ticks>, { symbol }: { symbol: string }) { … });
 * export const checked = context({ args: z.object({ n: z.number() }), send: z.number() }, function* (ctx, { n }) { … });
 * ```
 *
 * @param specs - schemas, from which the types are inferred, and by which the values are checked
 */
export function context<A extends object, D extends Dialog, R>(
  fn: (ctx: Context<D>, args: A) => Operation<R>,
): ContextEndpoint<A, D, R>;
export function context<A extends object, D extends Dialog, R>(
  settings: Settings,
  fn: (ctx: Context<D>, args: A) => Operation<R>,
): ContextEndpoint<A, D, R>;
export function context<const S extends Specs, R>(
  specs: S,
  fn: (
    ctx: Context<OwnDialog<S>>,
    args: ArgsOut<S>,
  ) => Operation<S extends { result: infer X extends Schema } ? StandardSchemaV1.InferInput<X> : R>,
): ContextEndpoint<
  ArgsIn<S>,
  CallerDialog<S>,
  S extends { result: Schema } ? SlotOut<S, "result"> : R,
  RawDialog<S>,
  S extends { result: Schema } ? SlotIn<S, "result"> : R
>;
export function context(...given: readonly unknown[]): unknown {
  const [specs, run] = given.length === 1 ? [undefined, given[0]] : given;
  if (typeof run !== "function") throw new TypeError(`context() takes a generator function, got ${typeof run}`);
  if (specs !== undefined && (typeof specs !== "object" || specs === null)) {
    throw new TypeError(`context(specs, fn) takes an object of schemas, got ${typeof specs}`);
  }
  for (const [slot, schema] of Object.entries(specs ?? {})) {
    if (slot !== "check" && slot !== "codecs" && !isSchema(schema)) {
      throw new TypeError(`context(): "${slot}" is not a Standard Schema, got ${typeof schema}`);
    }
  }
  return { [endpointKind]: "context", run, specs };
}

export function isContextEndpoint(value: unknown): value is AnyContextEndpoint {
  return typeof value === "object" && value !== null && endpointKind in value && value[endpointKind] === "context";
}

/** What a called function is given besides its arguments, where it is an async function. */
export interface PromiseIo {
  /** Aborted when the caller cancels, or goes away, with `ScCancelled` as its reason. Pass it on to whatever is awaited. */
  readonly signal: AbortSignal;
  /** The log of the actor; its lines name the function. */
  readonly log: TaskLog;
}

/** Anything of an exposed module that can be called with `portal.run`. */
export type Callable<A, R> = (args: A, io: PromiseIo) => Operation<R> | Promise<R>;

/** The arguments after the function: none, optional or required, as it declares. */
export type ArgsOf<F> = F extends (...args: infer P) => unknown
  ? P extends readonly []
    ? []
    : undefined extends P[0]
      ? [args?: Exclude<P[0], undefined>]
      : object extends P[0]
        ? [args?: P[0]]
        : [args: P[0]]
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
