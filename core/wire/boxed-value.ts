/** An error that stands within other data (in a field of an error's own data) and has been turned into data already. */
import type { BoxedError } from "./message.ts";

export class BoxedValue {
  readonly boxed: BoxedError;
  constructor(boxed: BoxedError) {
    this.boxed = boxed;
  }
}
