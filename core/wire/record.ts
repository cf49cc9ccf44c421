/** Plain objects, and keys from outside, which must never reach a prototype. */

/** Whether `value` is a plain object: of class `Object` or of none. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Make `key` an own, plain data property, whatever it is called: `__proto__` would otherwise set the prototype. */
export function setOwn(target: object, key: PropertyKey, value: unknown, enumerable = true): void {
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true });
}
