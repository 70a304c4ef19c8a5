// Watches and logs as HTTP streams, bounded: a reader that does not keep up is
// cut off, and clients know how to come back.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Operation, WatchEvent } from '../../api/meta/operation.ts';
import { badRequest, hasReason } from '../../api/meta/status.ts';
import type { Clock } from '../../platform/clock.ts';
import { encodeWatchError, encodeWatchEvent, negotiate, parseInclude } from './encoding.ts';
import { defaultWatchTimeoutMs, maxWatchBacklogBytes } from './limits.ts';
import { kindOf } from './parts.ts';
import type { ApiServer } from './server.ts';

export type StreamParts = { server: ApiServer; clock: Clock };

function watchTimeoutMs(query: Record<string, string>): number {
  const text = query.timeoutSeconds;
  if (text === undefined || text === '' || text === '0') return defaultWatchTimeoutMs;
  if (!/^\d{1,8}$/.test(text))
    throw badRequest(`timeoutSeconds: Invalid value: ${JSON.stringify(text)}: must be a whole number`);
  return Number(text) * 1000;
}

/** Runs a watch until the client goes, its time is up, or it reads too slowly. */
export async function streamWatch(
  { server, clock }: StreamParts,
  operation: Operation,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const kind = kindOf(operation);
  const encoding = negotiate(request.headers.accept?.replace(/;stream=watch/g, ''), kind, true);
  const include = parseInclude(operation.query.includeObject);
  const stop = new AbortController();
  const cancelTimer = clock.setTimer(watchTimeoutMs(operation.query), () => {
    stop.abort();
    response.end();
  });
  response.on('close', () => {
    cancelTimer();
    stop.abort();
  });
  let first = true;
  let waiting: Buffer[] = [];
  const flush = (): void => {
    const chunk = waiting.length === 1 ? waiting[0] : Buffer.concat(waiting);
    waiting = [];
    if (stop.signal.aborted) return;
    response.write(chunk);
    if (response.writableLength > maxWatchBacklogBytes) response.destroy();
  };
  const sink = (events: WatchEvent[]): void => {
    if (waiting.length === 0) setImmediate(flush);
    for (const event of events) {
      waiting.push(encodeWatchEvent(kind, event, encoding, include, clock.nowMs(), first));
      first = false;
    }
  };
  try {
    await server.watch(operation, stop.signal, sink);
  } catch (error) {
    cancelTimer();
    if (!hasReason(error, 'Expired')) throw error;
    // Kubernetes says this in the stream, as an event, since watches outlive what they began with.
    response.writeHead(200, { 'content-type': encoding.contentType, 'cache-control': 'no-cache, private' });
    response.end(encodeWatchError(error.toStatus(), encoding));
    return;
  }
  if (!response.headersSent) {
    response.writeHead(200, { 'content-type': encoding.contentType, 'cache-control': 'no-cache, private' });
    response.flushHeaders();
  }
}

/** Sends a log as it comes, waiting for the reader. */
export async function streamLog(server: ApiServer, operation: Operation, response: ServerResponse): Promise<void> {
  const stop = new AbortController();
  response.on('close', () => stop.abort());
  const chunks = await server.log(operation, stop.signal);
  response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  for await (const chunk of chunks) {
    if (stop.signal.aborted) return;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
}

/** Resolves when the response takes more, or is closed. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      response.off('drain', finish);
      response.off('close', finish);
      resolve();
    };
    response.once('drain', finish);
    response.once('close', finish);
    // It may have been closed before anybody listened.
    if (response.destroyed) finish();
  });
}
