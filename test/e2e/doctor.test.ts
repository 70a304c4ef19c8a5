// The doctor on this machine with a real agent, engine and hub, and with what
// can be broken here broken; and what a recorded board says of itself as
// conditions and figures of its node.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { NamedFinding } from '../../agent/doctor/checks.ts';
import type { Condition } from '../../api/meta/kubernetes.ts';
import { CertificateAuthority } from '../../hub/pki/authority.ts';
import { createSystemRandom } from '../../platform/random.ts';
import { VirtualDisk } from '../../platform/virtual-disk.ts';
import { type CliResult, skerry, type TestAgent } from '../support/agent.ts';
import { TestCluster } from '../support/cluster.ts';
import { docker } from '../support/engine.ts';
import type { Watch, WatchEvent } from '../support/hub.ts';
import { healthyPi, starvedPi, writeTree } from '../support/recorded-devices.ts';
import { runDirectory } from '../support/traces.ts';

type Examined = CliResult & { checks: Map<string, NamedFinding> };

async function examine(directory: string, ...args: string[]): Promise<Examined> {
  const result = await skerry(['doctor', '--data-dir', directory, '--output', 'json', ...args]);
  const { checks } = JSON.parse(result.stdout) as { checks: NamedFinding[] };
  return { ...result, checks: new Map(checks.map((check) => [check.name, check])) };
}

function assertFinding({ checks }: Examined, name: string, status: NamedFinding['status'], seen: RegExp): void {
  const finding = checks.get(name);
  assert.ok(finding, `no finding of ${name}`);
  assert.equal(finding.status, status, `${name}: ${finding.seen}`);
  assert.match(finding.seen, seen);
}

/** A directory with an agent's identity, changed. */
function copyIdentity(from: string, name: string, change: object): string {
  const directory = join(runDirectory, name);
  mkdirSync(directory, { recursive: true });
  const identity = JSON.parse(readFileSync(join(from, 'identity.json'), 'utf8')) as object;
  writeFileSync(join(directory, 'identity.json'), JSON.stringify({ ...identity, ...change }));
  return directory;
}

describe('a device and its doctor', { timeout: 240_000 }, () => {
  let cluster: TestCluster;
  let agent: TestAgent;
  let board: string;
  before(async () => {
    cluster = await TestCluster.start();
    board = join(runDirectory, 'board');
    await writeTree(board, healthyPi);
    agent = await cluster.addAgent({
      name: 'isle',
      args: ['--host-root', board, '--node-status-update-frequency', '1s'],
    });
  });
  after(() => cluster?.stop());

  /** The node as it changes, and when each of its conditions came to its status. */
  const watchNode = async (): Promise<Watch> => {
    const watch = await cluster.hub.watch('/api/v1/nodes?watch=1&fieldSelector=metadata.name%3Disle');
    await watch.events.first(({ object }) => object.metadata.name === 'isle', 'the node');
    return watch;
  };
  const conditionOf = ({ object }: WatchEvent, type: string): Condition | undefined =>
    (object.status as { conditions: Condition[] }).conditions.find((condition) => condition.type === type);
  const becomes = (watch: Watch, type: string, status: string): Promise<WatchEvent> => {
    const from = watch.events.all.length;
    return watch.events.first(
      (event) => watch.events.all.indexOf(event) >= from && conditionOf(event, type)?.status === status,
      `${type}=${status}`,
    );
  };

  it('finds this machine as it is', async () => {
    const examined = await examine(agent.dataDirectory);
    const isVersion2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
    assertFinding(examined, 'cgroups', 'ok', new RegExp(`^cgroup v${isVersion2 ? 2 : 1} with the memory controller$`));
    const { Version } = await docker.version();
    assertFinding(
      examined,
      'engine',
      'ok',
      new RegExp(`^docker ${Version.replaceAll('.', '\\.').replace('+', '\\+')}, `),
    );
    assertFinding(examined, 'agent', 'ok', new RegExp(`^runs as process ${agent.pid}$`));
    assertFinding(examined, 'identity', 'ok', /^node isle of mqtts:/);
    assertFinding(examined, 'certificate', 'ok', /^signed by the authority, for this node/);
    assertFinding(examined, 'hub', 'ok', /^127\.0\.0\.1:\d+ answers with a certificate of the authority, TLSv1\.3$/);
    assertFinding(examined, 'clock', 'ok', new RegExp(`^the clock says ${new Date().getUTCFullYear()}-`));
    const hasProblem = [...examined.checks.values()].some(({ status }) => status === 'problem');
    assert.equal(examined.code, hasProblem ? 1 : 0);
    assert.equal(examined.stderr, '');
  });

  it('tells people the same in lines', async () => {
    const { stdout } = await skerry(['doctor', '--data-dir', agent.dataDirectory, '--host-root', board]);
    assert.match(stdout, /^ok +power +enough voltage, says get_throttled$/m);
    assert.match(stdout, /^- +disk-life +mmcblk0: not told by this card$/m);
    assert.match(stdout, /\n21 checks: \d+ problems, \d+ warnings\n$/);
  });

  it('does not disturb the agent', async () => {
    const lines = agent.output.all.length;
    for (let time = 0; time < 3; time += 1) await examine(agent.dataDirectory);
    assert.deepEqual(agent.output.all.slice(lines), []);
    assert.deepEqual(cluster.hub.errors(), []);
    await cluster.nodeReady('isle', 'True');
  });

  it('finds a hub of another cluster, and a certificate of one', async () => {
    const stranger = await CertificateAuthority.open(new VirtualDisk(), createSystemRandom(), '/pki');
    const directory = copyIdentity(agent.dataDirectory, 'estranged', { authority: stranger.certificate });
    const examined = await examine(directory);
    assert.equal(examined.code, 1);
    assertFinding(examined, 'hub', 'problem', /is not the hub that this device joined: .*certificate/);
    assertFinding(examined, 'certificate', 'problem', /not signed by the authority/);
    assertFinding(examined, 'agent', 'problem', /no agent runs/);
  });

  it('finds an identity that is damaged, and one that is not there', async () => {
    const damaged = await examine(copyIdentity(agent.dataDirectory, 'damaged', { hubUrl: 'nowhere' }));
    assertFinding(damaged, 'identity', 'problem', /hubUrl: expected mqtts:\/\/HOST:PORT, found nowhere$/);
    const empty = await examine(runDirectory);
    assertFinding(empty, 'identity', 'problem', /^no identity.json in /);
    assertFinding(empty, 'hub', 'not-applicable', /has not joined/);
  });

  it('finds a full data directory', async () => {
    const directory = join(runDirectory, 'full');
    mkdirSync(directory);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
    try {
      assertFinding(await examine(directory), 'space', 'ok', /^1\.0 MiB of 1\.0 MiB free/);
      writeFileSync(join(directory, 'ballast'), Buffer.alloc((1 << 20) - 8192));
      const examined = await examine(directory);
      assert.equal(examined.code, 1);
      assertFinding(examined, 'space', 'problem', /^8\.0 KiB of 1\.0 MiB free/);
      execFileSync('mount', ['-o', 'remount,ro', directory]);
      assertFinding(await examine(directory), 'filesystems', 'problem', /\/full \(tmpfs\) is read-only$/);
    } finally {
      execFileSync('umount', [directory]);
    }
  });

  it('finds no engine where none is', async () => {
    const examined = await examine(agent.dataDirectory, '--runtime-endpoint', join(runDirectory, 'none.sock'));
    assertFinding(examined, 'engine', 'problem', /does not answer: .*ENOENT/);
  });

  it('shows under-voltage as a condition of the node, which goes again, and writes nothing between', async () => {
    const watch = await watchNode();
    const before = watch.events.all.length;
    const starved = becomes(watch, 'UnderVoltage', 'True');
    await writeTree(board, starvedPi);
    await starved;
    const described = await cluster.kubectl.ok(['describe', 'node', 'isle']);
    assert.match(described, /^ +UnderVoltage +True .* SupplyVoltageLow +the supply voltage is too low/m);
    assert.match(described, /^ +Throttled +True .* ProcessorThrottled /m);
    assert.match(described, /^ +MemoryPressure +False .* KubeletHasSufficientMemory /m);
    assert.match(described, /^ +Ready +True .* KubeletReady /m);
    // Figures move; the condition goes after some looks without a problem.
    const healthy = becomes(watch, 'UnderVoltage', 'False');
    await writeTree(board, { ...healthyPi, '/sys/class/thermal/thermal_zone0/temp': '61500' });
    assert.equal(conditionOf(await healthy, 'UnderVoltage')?.reason, 'SupplyVoltageSufficient');
    assert.equal(watch.events.all.length, before + 2);
    watch.close();
  });

  it('keeps since when a condition holds when the agent starts anew', async () => {
    const watch = await watchNode();
    const starved = becomes(watch, 'UnderVoltage', 'True');
    await writeTree(board, starvedPi);
    const since = conditionOf(await starved, 'UnderVoltage')?.lastTransitionTime;
    await agent.kill9();
    await agent.start();
    const hot = becomes(watch, 'HighTemperature', 'True');
    await writeTree(board, { ...starvedPi, '/sys/class/thermal/thermal_zone0/temp': '90000' });
    assert.equal(conditionOf(await hot, 'UnderVoltage')?.lastTransitionTime, since);
    const events = watch.events.all.filter((event) => conditionOf(event, 'UnderVoltage') === undefined);
    assert.deepEqual(events, [], 'the node never lacks the condition');
    await writeTree(board, healthyPi);
    watch.close();
  });

  it('tells its figures through the proxy of the node', async () => {
    const { code, headers, text } = await cluster.hub.request('GET', '/api/v1/nodes/isle/proxy/metrics');
    assert.equal(code, 200, text);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(text, /^skerry_device_throttled\{flag="soft_temperature_limit"\} 0$/m);
    assert.match(text, /^skerry_device_disk_written_bytes_total\{device="mmcblk0"\} 2097152$/m);
    const difference = Number(/^skerry_device_clock_difference_seconds (\S+)$/m.exec(text)?.[1]);
    assert.ok(Math.abs(difference) < 5, `${difference} s on one machine`);
  });

  it('finds a hub that is stopped, while the agent goes on', async () => {
    await cluster.hub.kill9();
    const examined = await examine(agent.dataDirectory);
    assert.equal(examined.code, 1);
    assertFinding(examined, 'hub', 'problem', /^no connection to 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    assertFinding(examined, 'agent', 'ok', /^runs as process/);
    assertFinding(examined, 'certificate', 'ok', /signed/);
    await cluster.startHub();
    assertFinding(await examine(agent.dataDirectory), 'hub', 'ok', /answers/);
  });
});
