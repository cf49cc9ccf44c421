/** `undici` in an actor: a promise function that takes a signal, which is all that a cancellation needs. */
import type { PromiseIo } from "espalier";
import { request } from "undici";

export async function fetchPage({ url }: { url: string }, { signal, log }: PromiseIo): Promise<string> {
  const { statusCode, body } = await request(url, { signal });
  log.info("answered", { url, statusCode });
  return await body.text();
}
