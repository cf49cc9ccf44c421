/** Where in the user's code something was made, kept cheaply: the stack is only written out when it is asked for. */
import { foldFrames } from "../stack-frames.ts";
import { CREATION_FRAMES } from "./limits.ts";

export class CreationSite {
  declare readonly stack: string;

  /** Remembers the frames above `below`. */
  constructor(below: (...args: never[]) => unknown) {
    const limit = Error.stackTraceLimit;
    if (limit < CREATION_FRAMES) Error.stackTraceLimit = CREATION_FRAMES;
    Error.captureStackTrace(this, below);
    Error.stackTraceLimit = limit;
  }

  /** All lines but the first, which would be the error's. */
  get frames(): string {
    return this.stack.slice(this.stack.indexOf("\n") + 1);
  }

  /** The user's own frames; where there are none, as where a library called back from a timer, all. */
  get ownFrames(): string {
    const { frames } = this;
    const own = foldFrames(frames);
    return own === "" ? frames : own;
  }

  /** The innermost of them: `at connect (client.ts:12:5)`. */
  get innermost(): string {
    return (this.ownFrames.split("\n", 1)[0] ?? "").trim();
  }
}
