// The service manager (systemd) that started this process, if one did and wants
// to hear: that the service is ready, that it lives, that it is about to end.
// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
import { execFile } from 'node:child_process';
import { type Clock, every } from './clock.ts';
import type { Log } from './log.ts';

export type ServiceState = 'READY=1' | 'WATCHDOG=1' | 'STOPPING=1';

export type ServiceManager = {
  /** Silence after which it takes the service for dead and restarts it, ms; undefined when it does not watch. */
  watchdogMs: number | undefined;
  /** Rejects when it could not be told. */
  tell: (state: ServiceState) => Promise<void>;
};

/** One message takes milliseconds, and systemd-notify itself waits 5 s for the other side. */
const tellTimeoutMs = 10_000;
/** Messages within the time that the service may be silent: one of them may come late. */
const beatsPerWatchdog = 3;

/**
 * The service manager that the environment names; undefined when there is none. Node has no datagram sockets of
 * this kind: `systemd-notify` has, and as root it speaks in the name of the process that started it.
 */
export function createServiceManager(environment: NodeJS.ProcessEnv, ownPid: number): ServiceManager | undefined {
  if (environment.NOTIFY_SOCKET === undefined || environment.NOTIFY_SOCKET === '') return undefined;
  return {
    watchdogMs: readWatchdogMs(environment, ownPid),
    tell: (state) =>
      new Promise((resolve, reject) => {
        execFile('systemd-notify', [state], { timeout: tellTimeoutMs }, (error, _stdout, stderr) => {
          if (error === null) resolve();
          else reject(new Error(`systemd-notify ${state}: ${stderr.trim() || error.message}`, { cause: error }));
        });
      }),
  };
}

/** WATCHDOG_USEC, unless WATCHDOG_PID says that another process is meant. */
function readWatchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv, ownPid: number): number | undefined {
  const microseconds = Number(WATCHDOG_USEC);
  if (!Number.isSafeInteger(microseconds) || microseconds <= 0) return undefined;
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== '' && Number(WATCHDOG_PID) !== ownPid) return undefined;
  return microseconds / 1000;
}

export type ServiceParts = {
  manager: ServiceManager | undefined;
  clock: Clock;
  log: Log;
  /** Whether the service does its work; when it does not, the manager shall not hear that it lives. */
  isAlive: () => boolean;
};

/** What remains to be said when the service ends. */
export type ManagedService = { stopping: () => Promise<void> };

/**
 * Says that the service is ready, and then that it lives for as long as it does, until the signal aborts. What the
 * manager can't be told is logged: it will draw its own conclusions.
 */
export function serveUnderManager({ manager, clock, log, isAlive }: ServiceParts, signal: AbortSignal): ManagedService {
  if (manager === undefined) return { stopping: async () => undefined };
  const tell = (state: ServiceState): Promise<void> =>
    manager.tell(state).catch((error: unknown) => log.warn({ err: error }, 'the service manager could not be told'));
  void tell('READY=1');
  if (manager.watchdogMs !== undefined)
    every(clock, manager.watchdogMs / beatsPerWatchdog, signal, async () => {
      if (isAlive()) await tell('WATCHDOG=1');
      else log.error({}, 'this service is stuck: its manager will restart it');
    });
  return { stopping: () => tell('STOPPING=1') };
}
