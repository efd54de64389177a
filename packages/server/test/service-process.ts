import express from 'express';
import { listen } from '@sallyport/server';

const say = (text: string) => process.stdout.write(`${text}\n`);
const app = express();
app.get('/:kind', (req, res) => {
  say('request');
  // Answered once the shutdown has begun.
  if (req.params.kind === 'slow')
    setInterval(() => service.isClosing && !res.headersSent && res.send('slow'), 5).unref();
});

const service = await listen(app, {
  port: 0,
  host: '127.0.0.1',
  signals: ['SIGTERM', 'SIGINT'],
  shutdownDeadlineMs: Number(process.argv[2]),
  onShutdown: () => void say('onShutdown'),
  onEvent: ({ type, reason }) => void say(`${type} ${reason}`),
});
say(`port ${service.port}`);
