export * from "../to_promise/mod.ts";
