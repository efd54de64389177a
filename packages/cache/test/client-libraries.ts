import * as six from 'ioredis';
import * as five from 'ioredis5';

/** The part of ioredis that tests use, by major version. The types of one hold for what both are asked here. */
export const clientLibraries: readonly { readonly library: string; readonly module: typeof six }[] = [
  { library: 'ioredis 6', module: six },
  { library: 'ioredis 5', module: five as unknown as typeof six },
];
