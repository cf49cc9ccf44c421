/**
 * The worker of poolifier's pool. Not a module: the pool's first message would come, and be lost, while its imports are
 * still being loaded, and the pool would wait for ever.
 */
const { ClusterWorker } = require(/** @type {string} */ ("poolifier"));

module.exports = new ClusterWorker({
  add: (/** @type {{ a: number, b: number }} */ { a, b }) => a + b,
  pid: () => process.pid,
});
