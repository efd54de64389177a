/** The answer of all scenarios: a page of a shop's catalogue, about 2 KB of JSON. */
export const payload = {
  items: Array.from({ length: 12 }, (_, index) => ({
    id: 1000 + index,
    name: `Lantern no. ${index + 1}, brass`,
    description: 'Hand-made, with a wick of cotton and glass on four sides.',
    priceCents: 4_900 + 100 * index,
    isInStock: index % 3 !== 0,
    tags: ['lamps', 'brass'],
  })),
  page: 1,
  pageCount: 20,
};

export const payloadText = JSON.stringify(payload);
