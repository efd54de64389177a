import express from 'express';
import { Leaderboard } from 'redis-rank';
import { answerCatalogue, askCatalogue, catalogueIs, cycle } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'redis-rank adds to the score of one of 1 000 players and reads the rank, then res.json()',
  serve({ connect }) {
    const board = new Leaderboard(connect(), 'lb:all', { sortPolicy: 'high-to-low', updatePolicy: 'aggregate' });
    const next = cycle('player-');
    return express().get('/catalogue', async (req, res) => {
      const player = next();
      await board.updateOne(player, 5);
      res.setHeader('X-Rank', String(await board.rank(player)));
      answerCatalogue(req, res);
    });
  },
  prepare: askCatalogue,
  check: catalogueIs({ 'X-Rank': /^\d+$/ }),
};
