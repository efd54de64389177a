import { listen } from '@sallyport/server';
import express from 'express';

const app = express();
app.get('/', (_req, res) => void res.json({ hello: 'world' }));
app.get('/ready', (_req, res) => void res.sendStatus(service.isClosing ? 503 : 200));

const service = await listen(app, {
  port: Number(process.env['PORT'] ?? 3000),
  signals: ['SIGTERM', 'SIGINT'], // answer what is under way, then end
  onShutdown: () => undefined, // close the database and Redis here
});
