/**
 * Naming a function across processes: as the module it is exported by (a short name, or its URL) and its export name.
 * A function reference is looked up among the exports of the modules that the target exposes; the caller has imported
 * the one it is from, so it is the same instance.
 */

import type { Operation } from "effection";
import { until } from "effection";
import { FunctionNotFound } from "../errors/mod.ts";
import { moveOnAfter } from "../sc/timeouts.ts";
import { type ContextEndpoint, type Dialog, isContextEndpoint } from "./endpoint.ts";
import { NAME_TIMEOUT_MS } from "./limits.ts";
import { isProducerEndpoint, type ProducerEndpoint } from "./producer.ts";

/** Short name or URL, to URL: what an actor exposes. An allowlist; everything else cannot be called. */
export type EnabledModules = Readonly<Record<string, string>>;

export interface FunctionName {
  readonly ns: string;
  readonly func: string;
  /** `feed.ticks`: for errors, dumps and logs. */
  readonly label: string;
}

export function functionName(ns: string, func: string): FunctionName {
  return { ns, func, label: `${ns.slice(ns.lastIndexOf("/") + 1)}.${func}` };
}

const remoteName = Symbol.for("espalier.remote");

/** What in a module can be called or opened from another actor, with the types of what crosses the wire. */
export type RemoteModule<M> = {
  readonly [K in keyof M as Remote<M[K]> extends never ? never : K]: Remote<M[K]>;
};

/** Without its schemas a caller gets values as they were sent: neither checked nor completed. */
type Remote<E> = E extends (...args: never[]) => unknown
  ? E
  : E extends { readonly run: (ctx: never, args: infer A) => unknown; readonly raw?: infer Raw }
    ? NonNullable<Raw> extends { readonly dialog: infer D extends Dialog; readonly result: infer R }
      ? ContextEndpoint<A, D, R>
      : ProducerEndpoint<A, Raw>
    : never;

/**
 * The endpoints of a module that this process does not import, by the short name or URL under which the target exposes
 * it: `const feed = remote<typeof import("./feed.ts")>("feed"); yield* portal.run(feed.isPrime, { n: 7 })`.
 */
export function remote<M>(ns: string): RemoteModule<M> {
  if (typeof ns !== "string" || ns === "")
    throw new TypeError(`remote() takes a module's name or URL, got ${String(ns)}`);
  const references = new Map<string, unknown>();
  const proxy = new Proxy(Object.create(null), {
    get(_target, func) {
      if (typeof func !== "string" || func === "then") return undefined;
      let reference = references.get(func);
      if (reference === undefined) {
        reference = Object.assign(() => notCallable(ns, func), { [remoteName]: functionName(ns, func) });
        references.set(func, reference);
      }
      return reference;
    },
  });
  return proxy as RemoteModule<M>;
}

function notCallable(ns: string, func: string): never {
  throw new TypeError(
    `${ns}:${func} is a remote reference; hand it to portal.run, portal.openContext or portal.openStreamFrom`,
  );
}

/** Names found before, by function and by URL of the module. */
const known = new WeakMap<object, { readonly url: string; readonly func: string }>();

/**
 * The name under which `modules` exposes `reference`.
 *
 * @throws FunctionNotFound if none of them exports it, with what to do
 */
export function* nameOf(reference: unknown, modules: EnabledModules): Operation<FunctionName> {
  if ((typeof reference !== "function" && typeof reference !== "object") || reference === null) {
    throw new TypeError(`expected an exported function, context or producer, got ${String(reference)}`);
  }
  if (remoteName in reference) return reference[remoteName] as FunctionName;
  const before = known.get(reference);
  if (before !== undefined) {
    const ns = Object.keys(modules).find((name) => modules[name] === before.url);
    if (ns !== undefined) return functionName(ns, before.func);
  }
  for (const [ns, url] of Object.entries(modules)) {
    const exports = yield* moveOnAfter(NAME_TIMEOUT_MS, () => until<unknown>(import(url)));
    if (exports === undefined) throw new FunctionNotFound(ns, labelOf(reference), NEVER_IMPORTED);
    if (typeof exports !== "object" || exports === null) continue;
    const func = Object.entries(exports).find(([, value]) => value === reference)?.[0];
    if (func === undefined) continue;
    known.set(reference, { url, func });
    return functionName(ns, func);
  }
  const exposed = Object.keys(modules);
  const what =
    exposed.length === 0
      ? "cannot be called: the actor exposes no modules"
      : `is not exported by a module that the actor exposes (${exposed.join(", ")})`;
  throw new FunctionNotFound(
    "",
    labelOf(reference),
    `${what}; export it, and list its module in enableModules when the actor is started`,
  );
}

const NEVER_IMPORTED = `cannot be named: its module has not been imported within ${NAME_TIMEOUT_MS} ms; if it awaits runMain(...) or run(...) at its top level it waits for itself: leave out that await, or move the function to a module of its own`;

function labelOf(reference: object): string {
  if (typeof reference === "function") return reference.name || "anonymous function";
  if (isContextEndpoint(reference)) return reference.run.name || "anonymous context";
  return isProducerEndpoint(reference) ? reference.run.name || "anonymous producer" : "value";
}
