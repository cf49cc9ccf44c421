/** Why a stream has ended. Most ends are never raised anywhere, so the error is made when it is first asked for. */
export class Reason {
  readonly #make: () => Error;
  #error: Error | undefined;

  constructor(make: () => Error) {
    this.#make = make;
  }

  /** Always the same one. */
  get error(): Error {
    this.#error ??= this.#make();
    return this.#error;
  }

  /** Whether `error` was raised for this reason. */
  isOf(error: unknown): boolean {
    return this.#error !== undefined && this.#error === error;
  }
}
