// The doctor's readings of recorded devices, and cases of what it must say of them.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type CheckName, examine, type NamedFinding } from '../../agent/doctor/checks.ts';
import { askFirmware, readDevice, readTimeFloor } from '../../agent/doctor/read-device.ts';
import { readSystem } from '../../agent/doctor/read-system.ts';
import type { Readings } from '../../agent/doctor/readings.ts';
import { type Recorded, recordedHost, type Tree } from './recorded-devices.ts';

const directory = '/data/skerry';
export const recordedAtMs = Date.UTC(2026, 10, 23);
export const docker = {
  name: 'docker',
  version: '28.0.1',
  cgroupDriver: 'systemd',
  cgroupVersion: '2',
  storageDriver: 'overlay2',
};

export async function readingsOf(tree: Tree, recorded: Recorded = {}, more: Partial<Readings> = {}): Promise<Readings> {
  const host = recordedHost(tree, recorded);
  const device = await readDevice(host, directory);
  return {
    device: { ...device, power: (await askFirmware(host)) ?? device.power },
    clock: { nowMs: recordedAtMs, floorMs: await readTimeFloor(host, directory), hubDifferenceMs: undefined },
    system: await readSystem(host, '6.1.0', ['192.168.2.7']),
    engine: { value: docker },
    agent: { pid: 812, identity: { value: undefined } },
    hub: undefined,
    ...more,
  };
}

export function finding(findings: readonly NamedFinding[], name: CheckName): NamedFinding {
  const found = findings.find((item) => item.name === name);
  assert.ok(found, `no finding of ${name}`);
  return found;
}

export type Case = {
  what: string;
  tree: Tree;
  recorded?: Recorded;
  more?: Partial<Readings>;
  check: CheckName;
  status: NamedFinding['status'];
  seen: RegExp;
  mend?: RegExp;
};

/** A test of each case. */
export function testCases(cases: readonly Case[]): void {
  for (const { what, tree, recorded, more, check, status, seen, mend } of cases) {
    it(`${check}: ${what} is ${status}`, async () => {
      const found = finding(examine(await readingsOf(tree, recorded, more)), check);
      assert.equal(found.status, status, found.seen);
      assert.match(found.seen, seen);
      const told = 'mend' in found ? found.mend : '';
      assert.equal(told !== '', status === 'warning' || status === 'problem');
      if (mend !== undefined) assert.match(told, mend);
    });
  }
}
