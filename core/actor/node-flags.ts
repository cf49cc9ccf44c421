/**
 * The Node flags that a child starts with: those of its parent, so that TypeScript loaders and resolve conditions are
 * the same, less those that are about the parent alone.
 */

/** Flags of one process, with their value in the next argument where there is one. */
const NOT_INHERITED =
  /^--(inspect|debug|watch|test|eval|print|check|interactive|cpu-prof|heap-prof|prof\b|title)|^-[epic]$|^-pe$/;
const WITH_VALUE = /^(--eval|--print|-e|-p|-pe|--watch-path|--title)$/;

export function inheritedFlags(execArgv: readonly string[]): string[] {
  const flags: string[] = [];
  for (let i = 0; i < execArgv.length; i++) {
    const flag = execArgv[i];
    if (flag === undefined) continue;
    if (!NOT_INHERITED.test(flag)) flags.push(flag);
    else if (WITH_VALUE.test(flag)) i++;
  }
  return flags;
}
