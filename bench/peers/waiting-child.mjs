/** A forked child that waits until it is told what to import, and what to call there. */
process.on("message", async ([url, name, args]) => process.send?.((await import(url))[name](args)));
