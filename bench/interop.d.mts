export * from "../interop/mod.ts";
