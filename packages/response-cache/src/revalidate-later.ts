// Has the handler asked behind the client's back: once per process, and once per fleet while the lease lasts.

import type { Sight } from '@sallyport/cache';
import type { Request } from 'express';
import { prepareRevalidation } from './background.js';
import type { ResponseCacheSettings } from './options.js';
import type { RequestPlan } from './request-plan.js';
import type { Shelf } from './shelf.js';

/** @param sight how the entry looked when it was found stale */
export type RevalidateLater = (req: Request, plan: RequestPlan, sight: Sight | undefined) => void;

export function createRevalidateLater({ events }: ResponseCacheSettings, shelf: Shelf): RevalidateLater {
  const underWay = new Set<string>();

  async function revalidateOnce(revalidate: () => Promise<void>, id: string, sight: Sight | undefined): Promise<void> {
    const claim = await shelf.claim(id, sight);
    // Another process is at it, or has just been.
    if ('cancel' in claim) return claim.cancel();
    try {
      await revalidate();
    } finally {
      await claim.abandon();
    }
  }

  return (req, { key, selector: { id } }, sight) => {
    if (underWay.has(id)) return;
    underWay.add(id);
    revalidateOnce(prepareRevalidation(req), id, sight)
      .catch((error: unknown) => events.emit({ type: 'revalidation-failure', key, error }))
      .finally(() => underWay.delete(id));
  };
}
