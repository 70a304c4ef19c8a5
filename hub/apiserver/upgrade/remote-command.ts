// Commands and terminals between a client and a node, whatever protocol the
// client speaks: its channels on one side, the node's stream on the other.
import { ApiError, type Status } from '../../../api/meta/status.ts';
import { channels } from '../../../api/wire/frames.ts';
import type { NodeStream } from '../node-connector.ts';

/** The client's side of a command. */
export type ClientChannels = {
  /** What the client sends; without bytes where a channel ends. Ends when the client has gone. */
  input: AsyncIterable<{ channel: number; bytes?: Uint8Array }>;
  /** Resolves when the client takes more. */
  send: (channel: number, bytes: Uint8Array) => Promise<void>;
  /** Tells how it ended, and closes. */
  finish: (status: Status) => Promise<void>;
};

const success: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 200 };

/** How a command's end is told; kubectl takes the exit code from the cause. */
export function statusOf(exitCode: number | undefined): Status {
  if (exitCode === undefined || exitCode === 0) return success;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
    code: 500,
  };
}

/** How it ended, for the older protocols: nothing, or what went wrong. */
export function problemText({ status, message = '' }: Status): string {
  return status === 'Success' ? '' : message;
}

export function failureOf(error: unknown): Status {
  const known = error instanceof ApiError ? error : new ApiError('InternalError', (error as Error).message);
  return known.toStatus();
}

/** Joins the two until either ends. */
export async function joinCommand(client: ClientChannels, node: NodeStream): Promise<void> {
  void pumpInput(client, node);
  let status: Status;
  try {
    for await (const { channel, bytes } of node.output()) await client.send(channel, bytes);
    status = statusOf(node.exitCode);
  } catch (error) {
    status = failureOf(error);
  }
  await client.finish(status);
}

async function pumpInput(client: ClientChannels, node: NodeStream): Promise<void> {
  try {
    for await (const { channel, bytes } of client.input) {
      if (channel !== channels.input && channel !== channels.resize) continue;
      if (bytes === undefined) node.closeChannel(channel);
      else if (!(await node.write(channel, bytes))) return;
    }
  } finally {
    // The input ends only when the client has gone.
    node.cancel();
  }
}
