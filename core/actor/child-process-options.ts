/** What can be said of a child's process, beside what it is to run. */

const OUTPUTS = { stdout: ["inherit", "stderr", "ignore"], stderr: ["inherit", "ignore"] } as const;

export interface ChildOutput {
  /** `stderr`: to where this process's errors go, so that its own output stays what it alone has written. */
  readonly stdout?: (typeof OUTPUTS.stdout)[number];
  /** Ignored or not, its end is kept for the error that tells of the child's death. */
  readonly stderr?: (typeof OUTPUTS.stderr)[number];
}

/** With everything that was not told. @throws TypeError naming what is none of the choices */
export function checkOutput({ stdout = "inherit", stderr = "inherit" }: ChildOutput = {}): Required<ChildOutput> {
  for (const [name, value, choices] of [
    ["stdout", stdout, OUTPUTS.stdout],
    ["stderr", stderr, OUTPUTS.stderr],
  ] as const) {
    if (!choices.some((choice) => choice === value)) {
      throw new TypeError(`stdio.${name} must be one of ${choices.join(", ")}, got ${String(value)}`);
    }
  }
  return { stdout, stderr };
}

/** @throws RangeError if it is no whole number of megabytes */
export function heapFlags(maxHeapMb: number | undefined): string[] {
  if (maxHeapMb === undefined) return [];
  if (!Number.isSafeInteger(maxHeapMb) || maxHeapMb < 1) {
    throw new RangeError(`maxHeapMb must be a whole number of megabytes >= 1, got ${maxHeapMb}`);
  }
  return [`--max-old-space-size=${maxHeapMb}`];
}
