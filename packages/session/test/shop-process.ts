import { openShop } from './shop.js';

/** A shop in a process of its own; gives its URL. */
export async function run({ prefix }: { readonly prefix: string }): Promise<string> {
  const { url } = await openShop({ prefix });
  return url;
}
