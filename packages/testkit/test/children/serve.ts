import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server whose first request ends its process, or which answers, as asked. */
export async function run(args: { answer: string }) {
  const server = createServer((req, res) => {
    if (req.url === '/crash') process.exit(7);
    res.end(args.answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
