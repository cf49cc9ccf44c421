/**
 * What an actor knows beyond the types of the wire: value types and error classes of the user's own. Both sides of a
 * connection must know them, so register them where the type is defined, in a module that both import.
 */
import {
  type ErrorClass,
  type ErrorClassOptions,
  ErrorRegistry,
  ExtensionSet,
  type ExtensionType,
} from "../wire/mod.ts";

/** @internal Of this process, on every connection. */
export const ownTypes = new ExtensionSet();
/** @internal */
export const ownErrors = new ErrorRegistry();

/**
 * Let values of a class cross in every dialog of this actor. For one endpoint alone name the type in its `codecs`.
 *
 * ```ts
 * registerCodec({
 *   name: "app.Money",
 *   match: (value) => value instanceof Money,
 *   encode: (money) => [money.amount, money.currency],
 *   decode: (data) => Money.parse(data), // of which nothing has been checked: throw if it is not right
 * });
 * ```
 *
 * @throws RangeError if another type is registered under that name
 */
export function registerCodec<T>(type: ExtensionType<T>): void {
  ownTypes.add(type);
}

/**
 * Let errors of a class come back as instances of it: as `boxed` of the `RemoteActorError`, so that `instanceof` holds.
 *
 * @throws RangeError if another class is registered under that name, or it has none
 */
export function registerError(cls: ErrorClass, options?: ErrorClassOptions): void {
  ownErrors.register(cls, options);
}

const sets = new WeakMap<readonly ExtensionType[], ExtensionSet>();

/** What may cross in a dialog whose endpoint names types of its own; undefined where it names none. */
export function typesWith(codecs: readonly ExtensionType[] | undefined): ExtensionSet | undefined {
  if (codecs === undefined || codecs.length === 0) return undefined;
  let types = sets.get(codecs);
  if (types === undefined) {
    types = new ExtensionSet(codecs, ownTypes);
    sets.set(codecs, types);
  }
  return types;
}
