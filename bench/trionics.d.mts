export * from "../trionics/mod.ts";
