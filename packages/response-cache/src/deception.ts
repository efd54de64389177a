// Cache deception: a URL that looks like a file, answered by a page. Someone who lures a client to `/account/x.css` wants
// the account page to be stored where it can be fetched; what looks like one thing and is another is not stored.

/** Files that no handler makes as a page. */
const FILE =
  /\.(?:css|m?js|png|jpe?g|gif|webp|avif|svg|ico|bmp|woff2?|ttf|otf|eot|mp[34]|webm|ogg|pdf|zip|gz|csv|txt|wasm)$/i;
const PAGE = /^\s*(?:text\/html|application\/(?:xhtml\+xml|(?:[\w.-]+\+)?json))\b/i;
/** What some software in front takes for the end of a path. */
const ENDS = /(?:;|%3b|%00|%0a|%0d|%23|%3f)/i;

/** Whether the path ends like a file and the content is a page, or of no type at all. */
export function isDeceptive(url: string, contentType: string | undefined): boolean {
  const [path = ''] = url.split('?', 1);
  const parts = path.split(ENDS);
  const isFile = parts.some((part) => FILE.test(part));
  return isFile && (contentType === undefined || PAGE.test(contentType));
}
