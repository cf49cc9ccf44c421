/**
 * Which error classes come back as themselves. A JavaScript built-in and a scope error of the runtime always do; a
 * class of the user does where it was registered.
 */
import {
  BrokenResourceError,
  BusyResourceError,
  ClosedResourceError,
  EndOfChannel,
  Lagged,
  TooSlowError,
  WouldBlock,
} from "../errors/mod.ts";
import { withFrames } from "../stack-frames.ts";
import type { BoxedError } from "./message.ts";
import { setOwn } from "./record.ts";

/** A class of errors; its constructor may take anything, as it is not called. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** Makes the error from its data. `cause` has been revived already. Throw if the data is not right. */
export type ReviveError = (boxed: BoxedError, cause: unknown) => Error;

export interface ErrorClassOptions {
  /** What the class is called on the wire; its own name unless told. Needed where a bundler renames classes. */
  name?: string | undefined;
  /** Makes an instance; needed for classes with `#private` fields, or whose data must be checked. */
  revive?: ReviveError | undefined;
}

interface Entry {
  readonly cls: ErrorClass;
  readonly revive: ReviveError | undefined;
}

export class ErrorRegistry {
  readonly #byName = new Map<string, Entry>();
  readonly #names = new Map<unknown, string>();

  /**
   * Let errors of this class come back as instances of it. Its constructor is not called: an instance is an error with
   * the class's prototype and the original's message, stack, cause and own enumerable data.
   *
   * @throws RangeError if another class has that name
   */
  register(cls: ErrorClass, options: ErrorClassOptions = {}): this {
    const name = options.name ?? cls.name;
    if (name === "")
      throw new RangeError("an error class without a name cannot be registered; give one in options.name");
    const known = this.#byName.get(name)?.cls;
    if (known !== undefined && known !== cls) {
      throw new RangeError(`another error class is registered as "${name}"; give this one another options.name`);
    }
    this.#byName.set(name, { cls, revive: options.revive });
    this.#names.set(cls, name);
    return this;
  }

  /** The name a class was registered under. */
  nameOf(cls: unknown): string | undefined {
    return this.#names.get(cls);
  }

  /**
   * The error as an instance of its own class; undefined if the class is not registered, or its `revive` refuses.
   */
  revive(boxed: BoxedError, cause: unknown): Error | undefined {
    const entry = this.#byName.get(boxed.type);
    if (entry === undefined) return undefined;
    try {
      return entry.revive === undefined ? reviveAs(entry.cls, boxed, cause) : entry.revive(boxed, cause);
    } catch {
      // A `revive` of the user that does not accept what it was sent; the error stays whole in its box.
      return undefined;
    }
  }
}

/** Properties of every error, never taken from its data. */
const RESERVED: ReadonlySet<string> = new Set(["name", "message", "stack", "cause", "errors", "__proto__"]);

/** A real error (captured stack slot and all) with the prototype of `cls` and the original's text and data. */
export function reviveAs(cls: ErrorClass, boxed: BoxedError, cause: unknown): Error {
  // Its own stack is the original's: to make one here, and text of it, was half of what a cancellation cost.
  const error = withFrames(0, () => Reflect.construct(Error, [boxed.message], cls));
  return dress(error, boxed, cause);
}

/** Give `error` the text and data of the original. */
export function dress<E extends Error>(error: E, boxed: BoxedError, cause: unknown): E {
  if (error.name !== boxed.name) setOwn(error, "name", boxed.name);
  if (error.message !== boxed.message) setOwn(error, "message", boxed.message, false);
  // Set, and not defined: it is there, and to define it anew has V8 make text of what was captured.
  error.stack = boxed.stack ?? `${boxed.name}: ${boxed.message}`;
  if (boxed.cause !== undefined) setOwn(error, "cause", cause, false);
  if (boxed.code !== undefined) setOwn(error, "code", boxed.code);
  for (const [key, value] of Object.entries(boxed.data ?? {})) if (!RESERVED.has(key)) setOwn(error, key, value);
  return error;
}

/** Classes that are the same in every actor. `Cancelled` is not among them: it means something only where it is thrown. */
export const BUILT_IN_ERRORS: ErrorRegistry = new ErrorRegistry()
  .register(Error)
  .register(TypeError)
  .register(RangeError)
  .register(SyntaxError)
  .register(ReferenceError)
  .register(EvalError)
  .register(URIError)
  .register(DOMException, { revive: (boxed) => new DOMException(boxed.message, boxed.name) })
  .register(TooSlowError)
  .register(EndOfChannel)
  .register(BrokenResourceError)
  .register(ClosedResourceError)
  .register(BusyResourceError)
  .register(WouldBlock)
  .register(Lagged);
