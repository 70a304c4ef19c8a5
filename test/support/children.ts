// Child processes of a test, which must not outlive it, however it ends.
import type { ChildProcess } from 'node:child_process';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Kills the child when this process exits before it. */
export function endWithTest(child: ChildProcess): void {
  running.add(child);
  child.once('close', () => running.delete(child));
}
