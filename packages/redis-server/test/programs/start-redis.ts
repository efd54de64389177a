/** Started by tests as a process of its own: starts a Redis, says where, and then does what its argument says. */
import { startRedis } from '../../src/index.js';

const redis = await startRedis();
process.stdout.write(`${JSON.stringify({ port: redis.port, pid: redis.pid })}\n`);

// 'end' reaches the end of the program with the server still running; 'stay' waits to be killed.
if (process.argv[2] === 'stop') await redis.stop();
if (process.argv[2] === 'stay') setInterval(() => {}, 60_000);
