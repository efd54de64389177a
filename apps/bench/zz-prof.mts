import { startRedis } from '@sallyport/redis-server';
import { createRateLimiter } from '@sallyport/rate-limit';
import { Redis } from 'ioredis';
const server = await startRedis();
const redis = new Redis(server.url);
const limiter = createRateLimiter({ redis, name: 'bench', policies: [
  { name: 'burst', limit: 20, windowMs: 1_000 },{ name: 'minute', limit: 300, windowMs: 60_000 },{ name: 'day', limit: 5_000, windowMs: 86_400_000 }], deadlineMs: 5000, onStoreFailure: 'closed' });
async function all(count:number){ let next=0; const w=async()=>{ while(next<count){ const c=next%20000; next++; const d=await limiter.consume(`10.0.${c>>8}.${c&255}`); if(d.outcome!=='allowed') throw new Error(d.outcome);} }; await Promise.all(Array.from({length:64},w)); }
await all(20000);
for (let i=0;i<5;i++){ await redis.config('RESETSTAT'); const c=process.cpuUsage(); const t=performance.now(); await all(60000); const u=process.cpuUsage(c); const s=(performance.now()-t)/1000; const st=await redis.info('commandstats'); console.log((60000/s).toFixed(0), ((u.user+u.system)/60000).toFixed(1), /cmdstat_evalsha:[^\n]*usec_per_call=([\d.]+)/.exec(st)?.[1]); await redis.flushall(); await all(20000)}
redis.disconnect(); await server.stop();
