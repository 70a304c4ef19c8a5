// Connections that are given up before they are open.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connectTo } from './net.ts';

const withinMs = 10_000;

async function listen(t: { after: (end: () => void) => void }): Promise<{ port: number; accepted: Promise<Socket> }> {
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  t.after(() => void server.close());
  const accepted = once(server, 'connection').then(([socket]) => socket as Socket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, accepted };
}

test('a connection ends with its signal', async (t) => {
  const { port, accepted } = await listen(t);
  const stop = new AbortController();
  const socket = await connectTo('127.0.0.1', port, withinMs, stop.signal);
  const closed = once(socket, 'close');
  stop.abort();
  await closed;
  (await accepted).destroy();
});

test('no connection is opened when its signal has ended already', async (t) => {
  const { port } = await listen(t);
  await assert.rejects(connectTo('127.0.0.1', port, withinMs, AbortSignal.abort()), /ended/);
});

test('a connection that is given up while it is being opened rejects', async (t) => {
  const { port } = await listen(t);
  const stop = new AbortController();
  const opening = connectTo('127.0.0.1', port, withinMs, stop.signal);
  stop.abort();
  await assert.rejects(opening, /ended/);
});

test('a port where nobody listens refuses', async () => {
  await assert.rejects(connectTo('127.0.0.1', 1, withinMs, new AbortController().signal), /ECONNREFUSED/);
});
