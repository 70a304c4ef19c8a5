// What a service manager is told and when, in virtual time; which environments
// mean that there is one.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog } from './log.ts';
import { createServiceManager, type ServiceState, serveUnderManager } from './service-manager.ts';
import { VirtualClock } from './virtual-clock.ts';

const socket = { NOTIFY_SOCKET: '/run/systemd/notify' };

describe('the service manager of the environment', () => {
  it('is none without a socket', () => {
    assert.equal(createServiceManager({}, 1), undefined);
    assert.equal(createServiceManager({ NOTIFY_SOCKET: '', WATCHDOG_USEC: '1000000' }, 1), undefined);
  });

  it('watches when it says how long and means this process', () => {
    const watchdogMs = (more: NodeJS.ProcessEnv): number | undefined =>
      createServiceManager({ ...socket, ...more }, 42)?.watchdogMs;
    assert.equal(watchdogMs({ WATCHDOG_USEC: '60000000' }), 60_000);
    assert.equal(watchdogMs({ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '42' }), 60_000);
    assert.equal(watchdogMs({ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '43' }), undefined);
    for (const wrong of ['0', '-1', 'soon', '']) assert.equal(watchdogMs({ WATCHDOG_USEC: wrong }), undefined);
    assert.equal(watchdogMs({}), undefined);
  });
});

describe('a service under a manager', () => {
  const log = createLog({ level: 'silent', name: 'test' });

  it('says that it is ready, that it lives while it does, and that it stops', async () => {
    const said: ServiceState[] = [];
    const clock = new VirtualClock();
    const stop = new AbortController();
    let alive = true;
    const manager = {
      watchdogMs: 60_000,
      tell: async (state: ServiceState): Promise<void> => {
        said.push(state);
      },
    };
    const service = serveUnderManager({ manager, clock, log, isAlive: () => alive }, stop.signal);
    assert.deepEqual(said, ['READY=1']);
    await clock.advance(60_000);
    assert.deepEqual(said.splice(0), ['READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    alive = false;
    await clock.advance(120_000);
    assert.deepEqual(said, [], 'a stuck service is silent');
    alive = true;
    await clock.advance(20_000);
    assert.deepEqual(said.splice(0), ['WATCHDOG=1'], 'it may come back by itself');
    await service.stopping();
    stop.abort();
    await clock.advance(120_000);
    assert.deepEqual(said, ['STOPPING=1']);
  });

  it('goes on when the manager can not be told', async () => {
    let tries = 0;
    const clock = new VirtualClock();
    const manager = {
      watchdogMs: 3000,
      tell: async (): Promise<void> => {
        tries += 1;
        throw new Error('no such socket');
      },
    };
    const stop = new AbortController();
    const service = serveUnderManager({ manager, clock, log, isAlive: () => true }, stop.signal);
    await clock.advance(2000);
    await service.stopping();
    stop.abort();
    assert.equal(tries, 4);
  });
});
