/**
 * What to try, printed at start: lines that can be pasted into a terminal as they are.
 */

/** @param url where the shop listens, without a slash at the end. */
export function welcomeText(
  url: string,
  { databaseUrl, startedInMs }: { databaseUrl?: string; startedInMs: number },
): string {
  const json = `-H 'Content-Type: application/json'`;
  // The same lines as in the README, shortened.
  const lines = [
    `The shop is open at ${url} (ready in ${(startedInMs / 1000).toFixed(1)} s). Open it in a browser, or try:`,
    '',
    '  # twice: X-Cache: MISS, then HIT',
    `  curl -s -o /dev/null -D - '${url}/api/products' -w '%{time_total} s\\n'`,
    '  # log in, order, send the same order again: Idempotency-Replayed: true',
    `  curl -s -c jar.txt ${json} -d '{"email":"ada@example.com","password":"demo"}' ${url}/api/login`,
    `  curl -si -b jar.txt ${json} -H 'Idempotency-Key: order-1' -d '{"items":[{"productId":7,"quantity":1}]}' ${url}/api/orders`,
    `  curl -s -b jar.txt -c jar.txt -X POST ${url}/api/logout`,
  ];
  if (databaseUrl !== undefined) {
    lines.push(
      '',
      `A second shop on the same data: DATABASE_URL=${databaseUrl} with the same REDIS_URL and SESSION_SECRET.`,
    );
  }
  return `\n${lines.join('\n')}\n\nCtrl-C ends it.\n\n`;
}
