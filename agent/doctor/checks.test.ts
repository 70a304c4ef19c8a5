// What the doctor says of recorded devices' systems and surroundings: that it
// finds what is wrong, says how to mend it, and leaves the rest alone.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bareKernel, healthyPi, piWithoutMemoryCgroup, type Tree } from '../../test/support/recorded-devices.ts';
import {
  type Case,
  docker,
  finding,
  readingsOf,
  recordedAtMs,
  testCases,
} from '../../test/support/recorded-readings.ts';
import { examine } from './checks.ts';

const withMemory = (availableKiB: number, stalled = '0.00'): Tree => ({
  ...healthyPi,
  '/proc/meminfo': `MemTotal: 944000 kB\nMemAvailable: ${availableKiB} kB\nSwapTotal: 2048 kB\nSwapFree: 1024 kB`,
  '/proc/pressure/memory': `full avg10=0.00 avg60=${stalled} avg300=0.00 total=1`,
});
const without = (tree: Tree, prefix: string): Tree =>
  Object.fromEntries(Object.entries(tree).filter(([path]) => !path.startsWith(prefix)));
const synchronized = 'timedatectl show --property=NTPSynchronized --value';
const adjtimex = 'busybox adjtimex';
const bootOf1970 = { clock: { nowMs: 30_000, floorMs: recordedAtMs, hubDifferenceMs: undefined } };

const cases: Case[] = [
  {
    what: 'cgroup v2',
    tree: healthyPi,
    check: 'cgroups',
    status: 'ok',
    seen: /^cgroup v2 with the memory controller$/,
  },
  {
    what: 'cgroup v1 without memory',
    tree: piWithoutMemoryCgroup,
    check: 'cgroups',
    status: 'problem',
    seen: /^cgroup v1 without the memory controller/,
    mend: /cgroup_enable=memory cgroup_memory=1/,
  },
  { what: 'no cgroups', tree: bareKernel, check: 'cgroups', status: 'problem', seen: /no cgroups are mounted/ },
  { what: 'a whole kernel', tree: healthyPi, check: 'kernel', status: 'ok', seen: /overlayfs, bridge, veth/ },
  {
    what: 'a bare kernel',
    tree: bareKernel,
    check: 'kernel',
    status: 'problem',
    seen: /^the kernel lacks ipc namespaces, .*uts namespaces, overlay, bridge, veth, nf_tables or ip_tables$/,
  },
  {
    what: 'a kernel of which nothing tells',
    tree: without(healthyPi, '/lib/modules'),
    check: 'kernel',
    status: 'ok',
    seen: /nothing tells of bridge, veth$/,
  },
  { what: 'a clock that is right', tree: healthyPi, check: 'clock', status: 'ok', seen: /2026-11-23T00:00:00Z/ },
  {
    what: 'a clock in 1970',
    tree: healthyPi,
    more: bootOf1970,
    check: 'clock',
    status: 'problem',
    seen: /^the clock says 1970-01-01T00:00:30Z, but it is at least 2026-11-23T00:00:00Z$/,
  },
  {
    what: 'a clock behind the data',
    tree: healthyPi,
    recorded: { modifiedMs: recordedAtMs + 120_000 },
    check: 'clock',
    status: 'problem',
    seen: /at least 2026-11-23T00:02:00Z/,
  },
  {
    what: 'timedatectl',
    tree: healthyPi,
    recorded: { programs: { [synchronized]: 'yes' } },
    check: 'time-sync',
    status: 'ok',
    seen: /timedatectl/,
  },
  {
    what: 'the kernel',
    tree: healthyPi,
    recorded: { programs: { [adjtimex]: '  status:       64 (UNSYNC)' } },
    check: 'time-sync',
    status: 'warning',
    seen: /^not synchronized/,
  },
  {
    what: 'PLL alone',
    tree: healthyPi,
    recorded: { programs: { [adjtimex]: '  status:       1 (PLL)' } },
    check: 'time-sync',
    status: 'ok',
    seen: /the kernel/,
  },
  {
    what: 'timesyncd',
    tree: { ...healthyPi, '/run/systemd/timesync/synchronized': '' },
    check: 'time-sync',
    status: 'ok',
    seen: /timesyncd/,
  },
  {
    what: 'nobody',
    tree: healthyPi,
    check: 'time-sync',
    status: 'not-applicable',
    seen: /nothing on this system tells/,
  },
  {
    what: 'enough memory',
    tree: healthyPi,
    check: 'memory',
    status: 'ok',
    seen: /^500 MiB of 922 MiB available, no swap, 0.25 %/,
  },
  {
    what: 'little memory',
    tree: withMemory(90_000),
    check: 'memory',
    status: 'warning',
    seen: /1.0 MiB of 2.0 MiB swap used/,
  },
  { what: 'no memory', tree: withMemory(20_000), check: 'memory', status: 'problem', seen: /19.5 MiB/ },
  {
    what: 'stalls',
    tree: withMemory(500_000, '7.50'),
    check: 'memory',
    status: 'warning',
    seen: /7.5 % of the last minute/,
  },
  {
    what: 'a watchdog',
    tree: healthyPi,
    check: 'watchdog',
    status: 'ok',
    seen: /^Broadcom BCM2835 Watchdog timer is on, after 15 s$/,
  },
  {
    what: 'one that sleeps',
    tree: { ...healthyPi, '/sys/class/watchdog/watchdog0/state': 'inactive' },
    check: 'watchdog',
    status: 'warning',
    seen: /off/,
  },
  { what: 'none', tree: bareKernel, check: 'watchdog', status: 'not-applicable', seen: /no watchdog/ },
  {
    what: 'an engine',
    tree: healthyPi,
    check: 'engine',
    status: 'ok',
    seen: /^docker 28.0.1, cgroup driver systemd \(v2\), storage driver overlay2$/,
  },
  {
    what: 'vfs',
    tree: healthyPi,
    more: { engine: { value: { ...docker, storageDriver: 'vfs' } } },
    check: 'engine',
    status: 'warning',
    seen: /vfs/,
  },
  {
    what: 'no engine',
    tree: healthyPi,
    more: { engine: { error: 'connect ENOENT' } },
    check: 'engine',
    status: 'problem',
    seen: /connect ENOENT$/,
  },
  { what: 'an agent', tree: healthyPi, check: 'agent', status: 'ok', seen: /process 812/ },
  {
    what: 'no agent',
    tree: healthyPi,
    more: { agent: { pid: undefined, identity: { value: undefined } } },
    check: 'agent',
    status: 'problem',
    seen: /no agent runs/,
  },
  {
    what: 'no directory',
    tree: healthyPi,
    more: { agent: undefined },
    check: 'agent',
    status: 'not-applicable',
    seen: /--data-dir/,
  },
  {
    what: 'not joined',
    tree: healthyPi,
    check: 'identity',
    status: 'problem',
    seen: /no identity.json in \/data\/skerry/,
    mend: /token/,
  },
  { what: 'not joined', tree: healthyPi, check: 'certificate', status: 'not-applicable', seen: /has not joined/ },
  {
    what: 'an identity that can not be read',
    tree: healthyPi,
    more: { agent: { pid: 1, identity: { error: 'EACCES: permission denied' } } },
    check: 'hub',
    status: 'not-applicable',
    seen: /can not be read/,
  },
  {
    what: 'a network',
    tree: healthyPi,
    check: 'network',
    status: 'ok',
    seen: /^eth0 up with 192.168.2.7, with a default route$/,
  },
  {
    what: 'no route',
    tree: { ...healthyPi, '/proc/net/route': 'Iface' },
    check: 'network',
    status: 'warning',
    seen: /without a default route/,
  },
  {
    what: 'a cable that is out',
    tree: { ...healthyPi, '/sys/class/net/eth0/operstate': 'down' },
    check: 'network',
    status: 'problem',
    seen: /no network is up: eth0/,
    mend: /skerry.yaml/,
  },
  {
    what: 'a default route of IPv6',
    tree: {
      ...healthyPi,
      '/proc/net/route': '',
      '/proc/net/ipv6_route': `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0`,
    },
    check: 'network',
    status: 'ok',
    seen: /with a default route/,
  },
];

describe('the doctor', () => {
  testCases(cases);

  it('finds nothing wrong with a board that is well, but that it has not joined', async () => {
    const wrong = examine(await readingsOf(healthyPi)).filter(
      ({ status }) => status === 'problem' || status === 'warning',
    );
    assert.deepEqual(
      wrong.map(({ name }) => name),
      ['identity'],
    );
  });

  it('says something of a device that tells nothing', async () => {
    const findings = examine(await readingsOf({}, { space: undefined }));
    assert.equal(new Set(findings.map(({ name }) => name)).size, findings.length);
    for (const { seen } of findings) assert.match(seen, /\S/);
    assert.equal(finding(findings, 'disk-life').status, 'not-applicable');
    assert.equal(finding(findings, 'memory').status, 'not-applicable');
  });
});
