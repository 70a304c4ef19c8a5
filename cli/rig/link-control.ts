// Starts the process that is the way to the hub, and tells it of changes.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { ownCommand } from '../../platform/process.ts';
import { CommandError } from '../errors.ts';
import { rigPaths } from './device.ts';
import { endPollMs, startTimeoutMs } from './limits.ts';
import { runningPid } from './processes.ts';

/** The hidden command that serves the links. */
export const linkCommandName = 'rig-link';

async function ask(socketPath: string): Promise<string | undefined> {
  try {
    return await text(createConnection(socketPath));
  } catch {
    return undefined;
  }
}

/** Brings what the descriptions say into force, and starts the process if need be. @throws CommandError */
export async function updateLinks(rigDirectory: string): Promise<void> {
  const { linkSocket, linkPid, linkLog } = rigPaths(rigDirectory);
  let ended: number | undefined;
  if (runningPid(linkPid) === undefined) {
    const [program, ...own] = ownCommand();
    const log = openSync(linkLog, 'w');
    const args = [...own, linkCommandName, '--rig-dir', rigDirectory, '--pid-file', linkPid];
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    child.once('exit', (code) => {
      ended = code ?? 1;
    });
    child.unref();
  }
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const answer = await ask(linkSocket);
    if (answer === 'ok\n') return;
    if (answer !== undefined && answer !== '') throw new CommandError(answer.trim());
    if (ended !== undefined || performance.now() > deadline)
      throw new CommandError(`the rig's link does not start: ${readFileSync(linkLog, 'utf8').trim().split('\n')[0]}`);
    await delay(endPollMs);
  }
}
