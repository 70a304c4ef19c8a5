// Devices without a token, in a network of their own: found by multicast DNS,
// claimed by skerry claim from the other end of the cable, told apart by their
// codes, and not disturbed by whatever else connects to them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { after, before, it, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { maxClaimBytes } from '../../api/device/announcement.ts';
import { type CliResult, Link, skerry } from '../support/agent.ts';
import { TestDevice } from '../support/device.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { beginRun, endRun } from '../support/traces.ts';

let hub: TestHub;
before(async () => {
  await beginRun();
  hub = await startHub({ args: ['--bind-address', '0.0.0.0'] });
});
after(async () => {
  await hub.stop();
  await endRun();
});

let devices = 0;
type Unclaimed = { device: TestDevice; link: Link; name: string; code: string; hubUrl: string };

/** A device that belongs to nobody, behind a cable of its own; resolves when it says so. */
async function unclaimed(context: TestContext): Promise<Unclaimed> {
  const link = await Link.create();
  const device = new TestDevice(`serial-${process.pid}-lan-${devices++}`, ['ip', 'netns', 'exec', link.namespace]);
  context.after(() => device.destroy());
  device.start();
  const line = await device.says(/skerry claim skerry-[0-9a-f]+ --code/);
  const [, name = '', code = ''] = /skerry claim (\S+) --code (\S+)/.exec(line) ?? [];
  const hubUrl = `mqtts://${link.hostAddress}:${new URL(hub.mqttUrl).port}`;
  return { device, link, name, code, hubUrl };
}

function claim(...args: string[]): Promise<CliResult> {
  return skerry(['claim', ...args, '--data-dir', hub.dataDirectory], 60_000);
}

type Listed = { address: string; port: number };

async function listed(code: string): Promise<Listed | undefined> {
  const { stdout } = await skerry(['claim', '--list']);
  const [address, port] =
    stdout
      .split('\n')
      .find((line) => line.includes(code))
      ?.split(/\s+/)[2]
      ?.split(':') ?? [];
  return address === undefined ? undefined : { address, port: Number(port) };
}

it('finds a device and makes it a node, with name and labels that stay', async (context) => {
  const { device, name, code, hubUrl } = await unclaimed(context);
  assert.ok(await listed(code), 'it is not listed');
  const { code: exit, stdout, stderr } = await claim(name, '--hub', hubUrl, '--name', 'attic', '--label', 'room=attic');
  assert.equal(exit, 0, stderr);
  assert.equal(stdout, `${name} is node attic\n`);
  assert.equal(await device.ready(), 'attic');
  await hub.kubectl.ok(['wait', 'node/attic', '--for=jsonpath={.metadata.labels.room}=attic', '--timeout=20s']);
  await device.reports(/^$/);
  assert.equal(await listed(code), undefined);
  const record = device.read<{ claim: { name: string; token?: string } }>('device.json');
  assert.deepEqual([record?.claim.name, record?.claim.token], ['attic', undefined]);
  await device.kill9();
  device.start();
  assert.equal(await device.ready(), 'attic');
});

it('gives nothing to a device with another code', async (context) => {
  const { device, name, code, hubUrl } = await unclaimed(context);
  const wrong = await claim(name, '--hub', hubUrl, '--code', '0000-0000-0000');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, new RegExp(`has the code ${code}, not 0000-0000-0000`));
  assert.equal(device.read<{ claim?: object }>('device.json')?.claim, undefined);
  const right = await claim(code, '--hub', hubUrl, '--code', code.toLowerCase());
  assert.equal(right.code, 0, right.stderr);
  assert.equal(await device.ready(), name);
});

it('stays to be claimed when the hub is wrong or refuses', async (context) => {
  const { device, name, hubUrl } = await unclaimed(context);
  const elsewhere = await claim(name, '--hub', 'mqtts://127.0.0.1:1', '--timeout', '4s');
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.stderr, /has not joined yet \(mqtts:\/\/127\.0\.0\.1:1 can't be reached: .*it goes on trying/);
  const token = (await skerry(['token', 'create', '--data-dir', hub.dataDirectory])).stdout.trim();
  const revoked = token.replace(/^skerry1\.\w+/, 'skerry1.zzzzzz');
  const refused = await claim(name, '--hub', hubUrl, '--token', revoked);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /could not be claimed: the hub refuses the token/);
  await device.reports(/the last claim has failed: the hub refuses the token.*not claimed/);
  const right = await claim(name, '--hub', hubUrl);
  assert.equal(right.code, 0, right.stderr);
  await device.reports(/^$/);
});

it('takes a claim through a power cut', async (context) => {
  const { device, link, name, hubUrl } = await unclaimed(context);
  // The hub can't be reached from there while the port is another: the claim is kept, and found after the cut.
  const first = await claim(name, '--hub', hubUrl.replace(/\d+$/, '1'), '--timeout', '3s');
  assert.match(first.stderr, /has taken the claim/);
  await device.kill9();
  device.start();
  await device.says(/can't be reached/);
  assert.equal(device.read<{ claim?: { hub: string } }>('device.json')?.claim?.hub, `mqtts://${link.hostAddress}:1`);
  const second = await claim(name, '--hub', hubUrl);
  assert.equal(second.code, 0, second.stderr);
});

it('is not disturbed by strangers', async (context) => {
  const { device, name, code, hubUrl } = await unclaimed(context);
  const { address, port } = (await listed(code)) ?? assert.fail('it is not listed');
  const plain = ['GET / HTTP/1.1\r\n\r\n', '\0'.repeat(1000), '{"hub":"x"}\n', '\x16\x03\x01\x02\x00'];
  for (const text of plain) {
    const socket = connectTcp(port, address).on('error', () => undefined);
    socket.end(text);
    socket.resume();
    await once(socket, 'close');
  }
  const lines = [
    '',
    '{}',
    'null',
    '[[[[',
    '{"hub":1}',
    'x'.repeat(maxClaimBytes + 10),
    '\u0000',
    '{"hub":"mqtts://a"}',
  ];
  for (const line of lines) {
    const socket = connectTls({ host: address, port, rejectUnauthorized: false }).on('error', () => undefined);
    socket.end(`${line}\n`);
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    await once(socket, 'close');
    assert.match(answer, /^\{"state":"refused","message":"[^\n]*"\}\n$/, line.slice(0, 30));
  }
  // Those who say nothing hold the device's few connections, and no more.
  const idle = Array.from({ length: 8 }, () => connectTcp(port, address).on('error', () => undefined));
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  for (const socket of idle) socket.destroy();
  const right = await claim(name, '--hub', hubUrl);
  assert.equal(right.code, 0, right.stderr);
  await device.ready();
});
