/** Stops the server that global-setup started. A server that was given from outside is left as it is. */
export default async function stopSharedRedis() {
  await globalThis[Symbol.for('sallyport.testRedis')]?.stop();
}
