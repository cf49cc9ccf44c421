/** Where in the user's code something was made, kept cheaply: the stack is only written out when it is asked for. */
import { foldFrames } from "../stack-frames.ts";
import { CREATION_FRAMES, MAX_CREATION_CHAIN } from "./limits.ts";

export class CreationSite {
  declare readonly stack: string;
  /** Where what made this was made itself: all that is known of what the host makes in a turn of its own. */
  readonly #madeBy: CreationSite | undefined;
  readonly #depth: number;

  /** Remembers the frames above `below`. */
  constructor(below: (...args: never[]) => unknown, madeBy?: CreationSite) {
    const limit = Error.stackTraceLimit;
    if (limit < CREATION_FRAMES) Error.stackTraceLimit = CREATION_FRAMES;
    Error.captureStackTrace(this, below);
    Error.stackTraceLimit = limit;
    // A timer that sets the next one would grow a chain for ever: it keeps its beginning.
    this.#madeBy = madeBy !== undefined && madeBy.#depth >= MAX_CREATION_CHAIN ? madeBy.#madeBy : madeBy;
    this.#depth = this.#madeBy === undefined ? 0 : this.#madeBy.#depth + 1;
  }

  /** All lines but the first, which would be the error's. */
  get frames(): string {
    return this.stack.slice(this.stack.indexOf("\n") + 1);
  }

  /** The user's own frames; all where there are none, however far one looks back. */
  get ownFrames(): string {
    return this.#own ?? this.frames;
  }

  /** The innermost of them: `at connect (client.ts:12:5)`. */
  get innermost(): string {
    return (this.ownFrames.split("\n", 1)[0] ?? "").trim();
  }

  get #own(): string | undefined {
    const own = foldFrames(this.frames);
    if (own !== "") return own;
    return this.#madeBy === undefined ? undefined : this.#madeBy.#own;
  }
}
