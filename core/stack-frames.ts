/** Stacks as a reader wants them: the frames of their own code, without ours, Effection's and Node's in between. */
import { fileURLToPath } from "node:url";
import { type InspectOptions, inspect } from "node:util";

/** The folder that holds `core`, `interop` and the others: the repository, or the installed package. */
const PACKAGE = packageFolder(fileURLToPath(import.meta.url));
const OURS = ["core", "interop", "to_promise", "trionics", "dist"].map((folder) => `${PACKAGE}${folder}/`);
const FOREIGN = [/\(?node:/, /[\\/]node_modules[\\/]effection[\\/]/, /\(<anonymous>\)$/, /\bat <anonymous>$/];

/**
 * Leave out of `text`, an error as printed, the stack frames of the runtime; `error.stack` keeps them. All are kept if
 * `ESPALIER_STACKS=full` is set.
 */
export function foldFrames(text: string): string {
  if (process.env.ESPALIER_STACKS === "full") return text;
  const kept: string[] = [];
  for (const line of text.split("\n")) {
    if (!isFrame(line) || !isOfRuntime(line)) kept.push(line);
    // Printed properties begin on the line of the last frame.
    else if (/ [{[]$/.test(line)) kept.push(`${kept.pop() ?? ""}${line.slice(-2)}`);
  }
  return kept.join("\n");
}

/** Have errors of these classes printed with `foldFrames`, and otherwise as Node does. */
export function foldWhenPrinted(...classes: readonly { readonly prototype: Error }[]): void {
  for (const { prototype } of classes) {
    Object.defineProperty(prototype, inspect.custom, { value: printFolded, configurable: true, writable: true });
  }
}

function printFolded(this: Error, _depth: number, options: InspectOptions, print: typeof inspect): string {
  if (!Object.isExtensible(this)) return foldFrames(this.stack ?? String(this));
  // With nothing of its own to print it by, Node falls back on its way; for what hangs below it, it does not.
  Object.defineProperty(this, inspect.custom, { value: undefined, configurable: true });
  try {
    return foldFrames(print(this, options));
  } finally {
    Reflect.deleteProperty(this, inspect.custom);
  }
}

/** What `make` makes, the stacks of its errors with so many frames: with 0 where they would show nothing but the runtime. */
export function withFrames<T>(frames: number, make: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = frames;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** Whether any frame of a stack is of the user's own code. */
export function showsUserCode(stack: string): boolean {
  return stack.split("\n").some(isOfUser);
}

/** Frames looked through for one of the user's: those of scopes and nurseries around a call stand before it. */
const FRAMES_SEARCHED = 64;

/** The innermost frame of a user's own code that is running, `function (file:line:column)`; undefined if there is none. */
export function userFrame(): string | undefined {
  const { stack = "" } = withFrames(FRAMES_SEARCHED, () => new Error());
  const frame = stack.split("\n").find(isOfUser);
  return frame?.trim().replace(/^at /, "");
}

function isOfUser(line: string): boolean {
  return isFrame(line) && !isOfRuntime(line);
}

/** A line of a stack, perhaps inside the bars of a box. */
function isFrame(line: string): boolean {
  return /^[\s|]*at \S/.test(line);
}

function isOfRuntime(line: string): boolean {
  const frame = line.replace(/ [{[]$/, "");
  return OURS.some((folder) => frame.includes(folder)) || FOREIGN.some((pattern) => pattern.test(frame));
}

function packageFolder(file: string): string {
  return file.replace(/(dist[\\/])?core[\\/][^\\/]+$/, "");
}
