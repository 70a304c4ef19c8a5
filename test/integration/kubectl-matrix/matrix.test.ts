// Every subcommand of kubectl in three versions against a hub whose node is a
// real agent with a real engine. Prints a table of what passes; a subcommand
// without a row fails the run.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { kubectlVersions } from '../../support/client-binary.ts';
import { TestCluster } from '../../support/cluster.ts';
import { accessRows } from './access.ts';
import { applyRows } from './apply.ts';
import { commandsOf } from './commands.ts';
import { configRows } from './config.ts';
import { createRows } from './create.ts';
import { createWorkloadRows } from './create-workloads.ts';
import { deleteRows } from './delete.ts';
import { describeRows } from './describe.ts';
import { editRows } from './edit.ts';
import { getRows } from './get.ts';
import { logRows } from './logs.ts';
import { metadataRows } from './metadata.ts';
import { nodeRows } from './nodes.ts';
import { rolloutRows } from './rollout.ts';
import { type Row, Table } from './row.ts';
import { runRows } from './run.ts';
import { Seat } from './seat.ts';
import { serverRows } from './server.ts';
import { streamRows } from './streams.ts';

const node = 'rock';
const rowTimeoutMs = 150_000;
/** Lanes run side by side, the rows of a lane one after the other. */
const lanes: Row[][] = [
  [...metadataRows, ...applyRows, ...editRows, ...createRows, ...configRows, ...accessRows],
  [...serverRows, ...getRows, ...describeRows, ...deleteRows, ...createWorkloadRows],
  [...streamRows, ...logRows, ...runRows, ...rolloutRows, ...nodeRows],
];
const rows = lanes.flat();
const table = new Table(rows, kubectlVersions);

let cluster: TestCluster;
const seats: Seat[] = [];
before(async () => {
  cluster = await TestCluster.start({ hubArgs: ['--unreachable-after', '60s'] });
  await cluster.addAgent({ name: node });
  for (const version of kubectlVersions) {
    const seat = new Seat(cluster, node, version);
    await seat.open();
    seats.push(seat);
  }
});
after(async () => {
  const errors = cluster?.hub.errors();
  await cluster?.stop();
  process.stdout.write(`${table.lines().join('\n')}\n`);
  assert.deepEqual(errors, []);
});

function test(row: Row, index: number): void {
  const version = kubectlVersions[index];
  if (version === undefined || version < row.since) return;
  it(`${version} ${row.command}: ${row.use}`, { timeout: rowTimeoutMs }, async () => {
    const seat = seats[index];
    assert.ok(seat, 'the cluster has not started');
    table.set(row, version, 'FAIL');
    await row.run(seat);
    table.set(row, version, 'pass');
  });
}

/** What a row left behind that failed would fail the others. */
async function restoreNode(): Promise<void> {
  const { code, text } = await cluster.hub.request('PATCH', `/api/v1/nodes/${node}`, {
    body: JSON.stringify({ spec: { unschedulable: null, taints: null } }),
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  assert.equal(code, 200, text);
}

describe('kubectl', { concurrency: lanes.length * kubectlVersions.length }, () => {
  for (const index of kubectlVersions.keys()) {
    for (const lane of lanes) {
      describe(`kubectl ${kubectlVersions[index]}`, { concurrency: 1 }, () => {
        for (const row of lane) if (!row.alone) test(row, index);
      });
    }
  }
});

describe('kubectl, what changes the node', () => {
  for (const row of rows) {
    if (!row.alone) continue;
    for (const index of kubectlVersions.keys()) {
      describe('and restores it', () => {
        test(row, index);
        after(restoreNode);
      });
    }
  }
});

describe('the matrix', () => {
  for (const version of kubectlVersions) {
    it(`has a row for each subcommand of kubectl ${version}`, async () => {
      const tested = rows.filter(({ since }) => since <= version).map(({ command }) => command.replace(/ --.*/, ''));
      const commands = await commandsOf(version);
      assert.ok(commands.length > 80, commands.join());
      assert.deepEqual(
        commands.filter((command) => !tested.includes(command)),
        [],
      );
    });
  }
});
