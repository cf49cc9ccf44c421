/**
 * What the runtime has to say that nobody can be given as an error: as warnings of the process, or, where an actor runs,
 * in its log.
 */

export interface RuntimeWarning {
  /** Its kind, by which it can be told from others: `LateServiceError`. */
  readonly type: string;
  readonly message: string;
  /** The error that it is about. */
  readonly error?: unknown;
  /** More to read, where there is no error. */
  readonly detail?: string;
}

let take = emitWarning;

export function reportWarning(warning: RuntimeWarning): void {
  take(warning);
}

/** @internal Have warnings taken by `to`; what is returned ends that. */
export function redirectWarnings(to: (warning: RuntimeWarning) => void): () => void {
  take = to;
  return () => {
    if (take === to) take = emitWarning;
  };
}

function emitWarning({ type, message, error, detail }: RuntimeWarning): void {
  const isItself = error instanceof Error && error.name === type && error.message === message;
  if (isItself) process.emitWarning(error);
  else process.emitWarning(message, { type, detail: detail ?? (error instanceof Error ? (error.stack ?? "") : "") });
}
