/** An error that stands within other data (in a field of an error's own data) and has been turned into data already. */
import type { BoxedError } from "./message.ts";

export class BoxedValue {
  readonly boxed: BoxedError;
  constructor(boxed: BoxedError) {
    this.boxed = boxed;
  }
}

/** The box without the fields that have no value: what is absent is not sent. */
export function present(boxed: BoxedError): BoxedError {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(boxed)) if (value !== undefined || key === "value") out[key] = value;
  return Object.assign(out, { kind: boxed.kind, type: boxed.type, name: boxed.name, message: boxed.message });
}
