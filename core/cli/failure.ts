/** A mistake of whoever typed the command; the usage is printed with it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Something that could not be done; its message is all that is printed. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
