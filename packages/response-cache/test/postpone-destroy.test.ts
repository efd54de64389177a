import { describe, expect, it } from '@jest/globals';
import { Socket } from 'node:net';
import { postponeDestroy } from '../src/postpone-destroy.js';

describe('postponeDestroy()', () => {
  it('lets the connection end when the last of those who hold it lets go', () => {
    const socket = new Socket();
    const [one, other] = [postponeDestroy(socket), postponeDestroy(socket)];
    expect(socket.destroy(new Error('first'))).toBe(socket);
    socket.once('error', (error) => expect(error.message).toBe('first'));
    one();
    expect(socket.destroyed).toBe(false);
    other();
    expect(socket.destroyed).toBe(true);
    expect(Object.hasOwn(socket, 'destroy')).toBe(false);
  });

  it('leaves a connection as it was that nobody wanted to end', () => {
    const socket = new Socket();
    postponeDestroy(socket)();
    expect([socket.destroyed, Object.hasOwn(socket, 'destroy')]).toStrictEqual([false, false]);
    socket.destroy();
    expect(socket.destroyed).toBe(true);
  });
});
