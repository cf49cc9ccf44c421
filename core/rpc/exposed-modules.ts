/** The serving side of naming: modules imported at boot, and what of them may be called. */
import type { Operation } from "effection";
import { until } from "effection";
import { FunctionNotFound, ModuleNotExposed } from "../errors/mod.ts";
import type { ExtensionSet } from "../wire/mod.ts";
import { type AnyContextEndpoint, isContextEndpoint } from "./endpoint.ts";
import type { EnabledModules } from "./function-name.ts";
import { typesWith } from "./own-types.ts";
import { type AnyProducerEndpoint, isProducerEndpoint } from "./producer.ts";

export type Exposed =
  | { readonly kind: "function"; readonly fn: (args: unknown, io: unknown) => unknown }
  | { readonly kind: "context"; readonly endpoint: AnyContextEndpoint }
  | { readonly kind: "producer"; readonly endpoint: AnyProducerEndpoint };

export class ExposedModules {
  readonly #exports = new Map<string, object>();
  /** What was found out of an export before: a call need not look at it again. */
  readonly #known = new WeakMap<object, Exposed>();
  readonly enabled: EnabledModules;

  private constructor(enabled: EnabledModules) {
    this.enabled = enabled;
  }

  /** Import every enabled module. @throws what a module throws while it is imported */
  static *load(enabled: EnabledModules): Operation<ExposedModules> {
    const modules = new ExposedModules(enabled);
    for (const [name, url] of Object.entries(enabled)) {
      const exports: unknown = yield* until(import(url));
      if (typeof exports !== "object" || exports === null) throw new TypeError(`module ${url} has no exports`);
      modules.#exports.set(name, exports);
      modules.#exports.set(url, exports);
    }
    return modules;
  }

  /**
   * @throws ModuleNotExposed if `ns` is not one of the enabled modules; it is never looked up then
   * @throws FunctionNotFound if it has no such export, or one that cannot be called remotely
   */
  find(ns: string, func: string): Exposed {
    const exports = this.#exports.get(ns);
    if (exports === undefined) throw new ModuleNotExposed(ns, Object.keys(this.enabled));
    if (!Object.hasOwn(exports, func)) throw new FunctionNotFound(ns, func);
    const value: unknown = Reflect.get(exports, func);
    const what = this.#exposed(value);
    if (what !== undefined) return what;
    const kind = isClass(value) ? "class" : typeof value;
    throw new FunctionNotFound(ns, func, `is a ${kind}, not a function, a context or a producer`);
  }

  #exposed(value: unknown): Exposed | undefined {
    if ((typeof value !== "function" && typeof value !== "object") || value === null) return undefined;
    let what = this.#known.get(value);
    if (what === undefined) {
      what = asExposed(value);
      if (what !== undefined) this.#known.set(value, what);
    }
    return what;
  }

  /** Types of the user's own in the arguments of an endpoint; undefined also where there is none. */
  typesOfStart(ns: string, func: string): ExtensionSet | undefined {
    const exports = this.#exports.get(ns);
    if (exports === undefined || !Object.hasOwn(exports, func)) return undefined;
    const what = this.#exposed(Reflect.get(exports, func));
    return what === undefined ? undefined : typesOf(what);
  }
}

function asExposed(value: unknown): Exposed | undefined {
  if (isContextEndpoint(value)) return { kind: "context", endpoint: value };
  if (isProducerEndpoint(value)) return { kind: "producer", endpoint: value };
  if (typeof value !== "function" || isClass(value)) return undefined;
  return { kind: "function", fn: (args, io) => Reflect.apply(value, undefined, [args, io]) };
}

/** Types of the user's own that an endpoint names. */
export function typesOf(what: Exposed): ExtensionSet | undefined {
  if (what.kind === "context") return typesWith(what.endpoint.specs?.codecs);
  return what.kind === "producer" ? typesWith(what.endpoint.options.codecs) : undefined;
}

function isClass(value: unknown): boolean {
  return typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
}
