// Hides request headers from the handler while it makes a response: what it cannot see it cannot answer to. They are put
// back when the head is written, for logs.

import type { IncomingMessage } from 'node:http';

/** Hides what `isHidden` picks by lower-case name; `restore` puts everything back, also what was set in the meantime. */
export function hideHeaders(req: IncomingMessage, isHidden: (name: string) => boolean): { restore: () => void } {
  const { rawHeaders } = req;
  const all = { ...req.headers };
  for (const name of Object.keys(all)) if (isHidden(name)) delete req.headers[name];
  req.rawHeaders = rawHeaders.filter(
    (_text, index) => !isHidden((rawHeaders[index - (index % 2)] ?? '').toLowerCase()),
  );
  return {
    restore() {
      req.rawHeaders = rawHeaders;
      for (const name of Object.keys(req.headers)) if (isHidden(name)) delete req.headers[name];
      Object.assign(req.headers, all);
    },
  };
}
