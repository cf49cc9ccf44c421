/** A forked child that is TypeScript: it adds what it is sent. */
process.on("message", ([a, b]: [number, number]) => void process.send?.(a + b));
