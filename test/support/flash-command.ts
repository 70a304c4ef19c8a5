// `skerry flash` as a process: what it said, how it ended, and how to interrupt it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { endWithTest } from './children.ts';

const main = join(import.meta.dirname, '../../cli/main.ts');

export type FlashResult = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string };

export type FlashProcess = {
  /** Resolves when it has ended. */
  ended: Promise<FlashResult>;
  /** Resolves when stderr has had this; with false when it ends before. */
  says: (text: string) => Promise<boolean>;
  kill: (signal: NodeJS.Signals) => void;
};

/** Starts it with these arguments, without a terminal. */
export function startFlash(args: string[]): FlashProcess {
  const child = spawn(process.execPath, [main, 'flash', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  endWithTest(child);
  const said = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      said[name] += chunk;
      for (const listener of [...listeners]) listener();
    });
  const ended = new Promise<FlashResult>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, ...said })),
  );
  const seen = (text: string): Promise<boolean> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!said.stderr.includes(text)) return;
        listeners.delete(look);
        resolve(true);
      };
      listeners.add(look);
      look();
    });
  return {
    ended,
    says: (text) => Promise.race([seen(text), ended.then(({ stderr }) => stderr.includes(text))]),
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs it to its end. */
export function runFlash(...args: string[]): Promise<FlashResult> {
  return startFlash(args).ended;
}
