/**
 * What the shop sells, generated: the same products with the same prices in every run. No clock and no
 * `Math.random()` take part, so a price in the README is the price that a reader sees.
 */
import { CATEGORIES, MATERIALS, STYLES } from './catalogue-words.js';
import { createRandom } from './random.js';

/** Enough products for pages, and enough reviews for a list that takes over 50 ms without a cache. */
export const PRODUCT_COUNT = 2400;
export const REVIEW_COUNT = 120_000;
export const REVIEWER_COUNT = 4000;

/** One row of `products`, as it is seeded. */
export interface SeedProduct {
  /** From 1 without a gap. */
  readonly id: number;
  readonly sku: string;
  readonly name: string;
  readonly category: string;
  readonly description: string;
  readonly priceCents: number;
  readonly stock: number;
}

/** The three people who can log in; all of them with the password `demo`. */
export const CUSTOMERS = [
  { id: 1, email: 'ada@example.com', name: 'Ada' },
  { id: 2, email: 'grace@example.com', name: 'Grace' },
  { id: 3, email: 'linus@example.com', name: 'Linus' },
] as const;

/** All products, ids from 1 without a gap. */
export function generateProducts(): SeedProduct[] {
  const random = createRandom(20_250_101);
  const pick = <T>(list: readonly T[]): T => {
    const item = list[random(list.length)];
    if (item === undefined) throw new RangeError('Cannot pick from an empty list.');
    return item;
  };
  const categories = Object.keys(CATEGORIES) as (keyof typeof CATEGORIES)[];
  return Array.from({ length: PRODUCT_COUNT }, (_, index) => {
    const id = index + 1;
    const category = pick(categories);
    const thing = pick<string>(CATEGORIES[category]);
    const material = pick(MATERIALS);
    const style = pick(STYLES);
    return {
      id,
      sku: `${category.slice(0, 3).toUpperCase()}-${String(id).padStart(5, '0')}`,
      name: `${style} ${material.toLowerCase()} ${thing}`,
      category,
      description: `${thing.charAt(0).toUpperCase()}${thing.slice(1)} in ${material.toLowerCase()}, from the ${style} range. Made to be repaired.`,
      // 4.95 to 124.45, in steps of half a euro.
      priceCents: 495 + random(240) * 50,
      stock: 5 + random(120),
    };
  });
}
