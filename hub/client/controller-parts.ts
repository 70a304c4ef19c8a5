// What the scheduler and every controller are built from.
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Client } from './client.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { Informers } from './informer.ts';

export type ControllerParts = { client: Client; informers: Informers; events: EventRecorder; clock: Clock; log: Log };

/** A loop over the API. Asks for its informers when constructed; works between start and abort. */
export type Controller = { start(signal: AbortSignal): void };
