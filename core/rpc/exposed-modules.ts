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

/** What an export was when it was looked at. */
interface Found {
  readonly value: unknown;
  readonly what: Exposed;
}

interface ExposedModule {
  readonly exports: Readonly<Record<string, unknown>>;
  /** By name, of what may be called. */
  readonly found: Map<string, Found>;
}

export class ExposedModules {
  readonly #modules = new Map<string, ExposedModule>();
  /** What the request that is being read asks for: it is looked up for its types, and then to be run. */
  #asked: { readonly ns: string; readonly func: string; readonly what: Exposed } | undefined;
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
      const module = { exports: exports as ExposedModule["exports"], found: new Map() };
      modules.#modules.set(name, module);
      modules.#modules.set(url, module);
    }
    return modules;
  }

  /**
   * @throws ModuleNotExposed if `ns` is not one of the enabled modules; it is never looked up then
   * @throws FunctionNotFound if it has no such export, or one that cannot be called remotely
   */
  find(ns: string, func: string): Exposed {
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked?.func === func && asked.ns === ns) return asked.what;
    const what = this.#lookUp(ns, func);
    if (what !== undefined) return what;
    const exports = this.#modules.get(ns)?.exports;
    if (exports === undefined) throw new ModuleNotExposed(ns, Object.keys(this.enabled));
    if (!Object.hasOwn(exports, func)) throw new FunctionNotFound(ns, func);
    const kind = isClass(exports[func]) ? "class" : typeof exports[func];
    throw new FunctionNotFound(ns, func, `is a ${kind}, not a function, a context or a producer`);
  }

  /** Types of the user's own in the arguments of an endpoint; undefined also where there is none. */
  typesOfStart(ns: string, func: string): ExtensionSet | undefined {
    const what = this.#lookUp(ns, func);
    this.#asked = what === undefined ? undefined : { ns, func, what };
    return what === undefined ? undefined : typesOf(what);
  }

  #lookUp(ns: string, func: string): Exposed | undefined {
    const module = this.#modules.get(ns);
    if (module === undefined) return undefined;
    const { exports, found } = module;
    const known = found.get(func);
    // A module may export another value under the same name by now.
    if (known !== undefined && known.value === exports[func]) return known.what;
    if (!Object.hasOwn(exports, func)) return undefined;
    const value = exports[func];
    const what = asExposed(value);
    if (what !== undefined) found.set(func, { value, what });
    return what;
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
