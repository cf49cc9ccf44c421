/** `bcryptjs` in an actor: synchronous code that keeps its thread for as long as it takes. Nothing but a kill ends it. */
import { compareSync, hashSync } from "bcryptjs";

/** @param rounds - each one more takes twice the time: 12 take some 300 ms, 31 take days */
export async function hash({ password, rounds }: { password: string; rounds: number }): Promise<string> {
  return hashSync(password, rounds);
}

export async function isRight({ password, hashed }: { password: string; hashed: string }): Promise<boolean> {
  return compareSync(password, hashed);
}
