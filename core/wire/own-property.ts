/** Keys from outside must never reach a prototype. */

/** Make `key` an own, plain data property, whatever it is called: `__proto__` would otherwise set the prototype. */
export function setOwn(target: object, key: PropertyKey, value: unknown, enumerable = true): void {
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true });
}
