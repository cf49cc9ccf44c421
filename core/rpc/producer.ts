/**
 * Producers: functions that give items instead of a result. As an operation, a producer sends its items; an exported
 * `async function*`, or a function that returns any other async iterable, is one as it stands.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Operation } from "effection";
import { endpointKind, type Settings, type SlotIn, type SlotOut } from "./endpoint.ts";
import { isSchema, type Schema, type Specs } from "./schema.ts";
import type { SendStream } from "./stream-ends.ts";
import { completeOptions, type StreamOptions } from "./stream-options.ts";

/** What can be said of a producer beside what it does; each may be left out. */
export interface ProducerOptions
  extends Pick<Specs, "args" | "send" | "check" | "codecs">,
    Pick<StreamOptions, "sendOverflow" | "sendCapacity"> {}

/** A function whose items a caller consumes; export it, and callers open it with `portal.openStreamFrom`. */
export interface ProducerEndpoint<A, T, Raw = T> {
  readonly [endpointKind]: "producer";
  readonly run: (out: SendStream<never>, args: A) => Operation<unknown>;
  readonly options: ProducerOptions;
  /** For the compiler alone: what a caller receives, which a schema may have made of what was sent. */
  readonly item?: T;
  /** As above: what it receives if it has not imported the producer, and so not its schemas. */
  readonly raw?: Raw;
}

export type AnyProducerEndpoint = ProducerEndpoint<never, unknown>;

/** What `portal.openStreamFrom` takes: a producer, or a function that returns an async iterable. */
export type Source = AnyProducerEndpoint | ((...args: never[]) => AsyncIterable<unknown>);

/** The items of a source, as its consumer gets them. */
export type ItemOf<S> =
  S extends ProducerEndpoint<never, infer T, unknown>
    ? T
    : S extends (...args: never[]) => AsyncIterable<infer T>
      ? T
      : never;

/** The named arguments of a source. */
export type ArgsOfSource<S> =
  S extends ProducerEndpoint<infer A, unknown, unknown>
    ? A
    : S extends (args: infer A, ...rest: never[]) => unknown
      ? A
      : object;

type ArgsIn<S> = S extends { args: infer X extends Schema } ? StandardSchemaV1.InferInput<X> : object;
type ArgsOut<S> = S extends { args: infer X extends Schema } ? StandardSchemaV1.InferOutput<X> : object;

/** What `producer` makes of options with schemas; for whoever makes endpoints of another form. */
export type DeclaredProducer<S> = ProducerEndpoint<ArgsIn<S>, SlotOut<S, "send">, SlotIn<S, "send">>;
/** The arguments its function gets, and the items it gives. */
export type DeclaredArgs<S> = ArgsOut<S>;
export type DeclaredItem<S> = SlotIn<S, "send">;

/**
 * Make a producer of `fn`. It runs in the actor that is asked; what it sends reaches the consumer in order, as fast as
 * that reads. It ends when `fn` returns, and is cancelled when the consumer leaves.
 *
 * ```ts
 * export const ticks = producer(function* (out: SendStream<Tick>, { symbol }: { symbol: string }) { yield* out.send(…); });
 * export const checked = producer({ args: z.object({ n: z.number() }), send: z.number() }, function* (out, { n }) { … });
 * ```
 *
 * @param options - schemas, and what happens to items for which the consumer has no room (`sendOverflow`)
 */
export function producer<T, A extends object = object>(
  fn: (out: SendStream<T>, args: A) => Operation<unknown>,
): ProducerEndpoint<A, T>;
export function producer<T, A extends object = object>(
  options: ProducerOptions & Settings,
  fn: (out: SendStream<T>, args: A) => Operation<unknown>,
): ProducerEndpoint<A, T>;
export function producer<const S extends ProducerOptions>(
  options: S,
  fn: (out: SendStream<DeclaredItem<S>>, args: DeclaredArgs<S>) => Operation<unknown>,
): DeclaredProducer<S>;
export function producer(...given: readonly unknown[]): unknown {
  const [options, run] = given.length === 1 ? [{}, given[0]] : given;
  if (typeof run !== "function") throw new TypeError(`producer() takes a generator function, got ${typeof run}`);
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`producer(options, fn) takes an object of options, got ${String(options)}`);
  }
  completeOptions(options);
  for (const [slot, schema] of Object.entries(options)) {
    if ((slot === "args" || slot === "send") && !isSchema(schema)) {
      throw new TypeError(`producer(): "${slot}" is not a Standard Schema, got ${typeof schema}`);
    }
  }
  return { [endpointKind]: "producer", run, options };
}

export function isProducerEndpoint(value: unknown): value is AnyProducerEndpoint {
  return typeof value === "object" && value !== null && endpointKind in value && value[endpointKind] === "producer";
}
