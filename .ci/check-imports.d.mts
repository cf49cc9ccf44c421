/** What is wrong in these files (text by path from the root), each as `file:line: rule`, sorted by file. */
export function findViolations(files: ReadonlyMap<string, string>): string[];
