// Where everything lies in Redis. Whatever belongs to one key shares that key's hash slot; the generation and the tag
// markers of a namespace share another. So one entry is one MGET on a single node and two on a Cluster, and every script
// touches one of the two slots only.
//
//   <prefix><namespace>:{<key>}             the value
//   <prefix><namespace>:{<key>}:<part>      further parts of the same key
//   <prefix><namespace>:{<key>}:~:fence     version that running fills hold; removed by a purge
//   <prefix><namespace>:{~}:generation      version of the namespace
//   <prefix><namespace>:{~}:purges          version of all tags together: replaced by each purge of a tag
//   <prefix><namespace>:{~}:tag:<tag>       version of a tag
//   <prefix><namespace>~:{<key>}:lease      who loads
//   <prefix><namespace>~:{<key>}:done:<id>  a write that was executed
//
// No encoded key, part or tag is a bare `~`, so whatever stands behind one can't be reached by any of them.

import { buildKey, encodeKeyPart } from '@sallyport/core';

/** Builds the keys of one namespace; keys, parts and tags are encoded, so none can leave its place. */
export interface Keyspace {
  readonly generation: string;
  readonly purges: string;
  /** @param part name of the part, `''` for the value itself */
  part(key: string, part: string): string;
  fence(key: string): string;
  tag(tag: string): string;
  /**
   * Lease on the load of a key, of the entry's slot. Under a root of its own (`~` is in no namespace), so that leases come
   * and go without a word to those who follow what changes under the entries' root.
   */
  lease(key: string): string;
  /** Notes that the write `id` was executed. */
  done(key: string, id: string): string;
  /** Begins the key of every entry and version, and of nothing else. */
  readonly root: string;
  /** Begins the key of every tag's version. */
  readonly tagRoot: string;
  /** Where those who wait for a load are called. */
  readonly channel: string;
}

export function createKeyspace(prefix: string, namespace: string): Keyspace {
  const root = `${prefix}${namespace}:`;
  const sideRoot = `${prefix}${namespace}~:`;
  const tagRoot = `${root}{~}:tag:`;
  return {
    generation: `${root}{~}:generation`,
    purges: `${root}{~}:purges`,
    part: (key, part) => (part === '' ? buildKey(root, key) : buildKey(root, key, part)),
    fence: (key) => `${buildKey(root, key)}:~:fence`,
    tag: (tag) => tagRoot + encodeKeyPart(tag),
    lease: (key) => buildKey(sideRoot, key, 'lease'),
    done: (key, id) => buildKey(sideRoot, key, 'done', id),
    root,
    tagRoot,
    channel: `${sideRoot}wake`,
  };
}
