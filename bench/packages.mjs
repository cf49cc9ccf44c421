/** Packages that are installed on demand, and so are not there for the type checker. */

/** @param {string} name @returns {Promise<any>} the package's exports */
export async function importPackage(name) {
  return await import(name);
}
