/** What espalier's child exposes where it is TypeScript, which a loader has to compile. */
export function* add({ a, b }: { a: number; b: number }) {
  return a + b;
}
