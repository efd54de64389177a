import { connect, type ProcessContext } from '@sallyport/testkit';

/** Each process counts up in Redis, waits for the others and then reads: without a barrier some would read too little. */
export async function run(args: { key: string }, { index, count, barrier }: ProcessContext) {
  const redis = connect();
  await redis.incr(args.key);
  await barrier();
  const seen = Number(await redis.get(args.key));
  await barrier();
  return { index, count, seen, pid: process.pid };
}
