// QEMU's machine protocol, as much of it as a rig needs: one command a connection.
// https://www.qemu.org/docs/master/interop/qmp-spec.html
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { CommandError } from '../errors.ts';
import { qmpTimeoutMs } from './limits.ts';

type Answer = { QMP?: object; return?: unknown; error?: { desc?: string } };

/** Has QEMU do something. @throws CommandError with what QEMU says */
export function callMonitor(socketPath: string, command: string, args: object = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath);
    const fail = (text: string): void => {
      socket.destroy();
      reject(new CommandError(`QEMU: ${command}: ${text}`));
    };
    const send = (execute: string, more: object = {}): boolean =>
      socket.write(`${JSON.stringify({ execute, ...more })}\n`);
    // Greeting, answer to qmp_capabilities, answer to the command.
    const steps = [
      (): unknown => send('qmp_capabilities'),
      (): unknown => send(command, { arguments: args }),
      (answer: Answer): void => {
        socket.end();
        resolve(answer.return);
      },
    ];
    socket.setTimeout(qmpTimeoutMs, () => fail(`no answer within ${qmpTimeoutMs / 1000} s`));
    socket.once('error', (error) => fail(error.message));
    const lines = createInterface({ input: socket });
    lines.on('error', () => undefined);
    lines.on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      if (answer.error !== undefined) fail(answer.error.desc ?? 'refused');
      // What else comes are events.
      else if (answer.QMP !== undefined || answer.return !== undefined) steps.shift()?.(answer);
    });
    lines.once('close', () => fail('QEMU has ended'));
  });
}
