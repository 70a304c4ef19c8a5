// Devices from their first boot to a node: with a token of their skerry.yaml,
// counted ones and such that people approve, wrong ones, clones of a card, and
// power cuts on the way.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { skerry } from '../support/agent.ts';
import { TestDevice } from '../support/device.ts';
import { startHub, type TestHub } from '../support/hub.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

let devices = 0;

/** A device that goes with its test. */
function device(context: TestContext, hardwareId = `serial-${process.pid}-${devices++}`): TestDevice {
  const made = new TestDevice(hardwareId);
  context.after(() => made.destroy());
  return made;
}

function cloned(context: TestContext, original: TestDevice): TestDevice {
  const made = original.clone(`serial-${process.pid}-${devices++}`);
  context.after(() => made.destroy());
  return made;
}

async function token(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await skerry(['token', 'create', '--data-dir', hub.dataDirectory, ...args]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

async function tokenLine(text: string): Promise<string> {
  const { stdout } = await skerry(['token', 'list', '--data-dir', hub.dataDirectory]);
  const id = text.split('.')[1] ?? '';
  return stdout.split('\n').find((line) => line.startsWith(id)) ?? '';
}

type Node = { metadata: { name: string; labels: Record<string, string>; annotations: Record<string, string> } };

describe('a device with a token in skerry.yaml', () => {
  it('prepares its system, joins under a name of its hardware, and says nothing when all is well', async (context) => {
    const one = device(context);
    const stop = new AbortController();
    context.after(() => stop.abort());
    await one.serveEngine(stop.signal);
    one.configure({
      hub: hub.mqttUrl,
      token: await token(),
      labels: { room: 'kitchen' },
      sshKeys: ['ssh-rsa AAAA me'],
    });
    one.start();
    const name = await one.ready();
    assert.match(name, /^skerry-[0-9a-f]{10}$/);
    await hub.kubectl.ok(['wait', `node/${name}`, '--for=jsonpath={.metadata.labels.room}=kitchen', '--timeout=20s']);
    const node = await hub.kubectl.json<Node>(['get', 'node', name]);
    assert.equal(node.metadata.labels['kubernetes.io/hostname'], name);
    assert.equal(node.metadata.annotations['skerry.io/hardware-id'], one.hardwareId);
    assert.deepEqual(one.calls, ['apply-config authorized_keys hostname ', 'confirm-boot']);
    assert.equal(one.report, '');
    await one.stop();

    one.configure({ hub: hub.mqttUrl, labels: { 'node-role.kubernetes.io/control-plane': '', floor: '2' } });
    one.start();
    assert.equal(await one.ready(), name);
    await hub.kubectl.ok(['wait', `node/${name}`, '--for=jsonpath={.metadata.labels.floor}=2', '--timeout=20s']);
    const { labels } = (await hub.kubectl.json<Node>(['get', 'node', name])).metadata;
    assert.equal(labels.room, undefined);
    assert.equal(labels['node-role.kubernetes.io/control-plane'], undefined);
    await one.reports(/^labels\.node-role\.kubernetes\.io\/control-plane: a node may not set this label on itself/m);
  });

  it('tells what is wrong, and takes up what is corrected', async (context) => {
    const one = device(context);
    const good = await token();
    one.configure(`hub: ${hub.mqttUrl}\ntoken: ${good.replace(/^skerry1\.\w{6}/, 'skerry1.zzzzzz')}\nnmae: x\n`);
    one.start();
    await one.says(/the hub refuses the token: it is wrong, expired or revoked/);
    await one.reports(/^nmae: expected one of .*\nthe hub refuses the token/);
    one.configure({ hub: hub.mqttUrl, token: good });
    await one.ready();
    await one.reports(/^$/);
  });

  it('waits for a hub that can’t be reached', async (context) => {
    const one = device(context);
    const hubUrl = 'mqtts://127.0.0.1:1';
    one.configure({ hub: hubUrl, token: await token() });
    one.start();
    await one.reports(/^mqtts:\/\/127\.0\.0\.1:1 can't be reached: .*ECONNREFUSED/);
    one.configure({ hub: hub.mqttUrl, token: await token() });
    await one.ready();
  });

  it('joins anew with another token, and stays the same node', async (context) => {
    const one = device(context);
    one.configure({ hub: hub.mqttUrl, token: await token() });
    one.start();
    const name = await one.ready();
    const before_ = one.read<{ certificate: string }>('identity.json');
    await one.stop();
    one.configure({ hub: hub.mqttUrl, token: await token() });
    one.start();
    assert.equal(await one.ended, 0);
    assert.notEqual(one.read<{ certificate: string }>('identity.json')?.certificate, before_?.certificate);
    one.start();
    assert.equal(await one.ready(), name);
  });
});

describe('a counted token', () => {
  it('is good for so many devices, and for each of them again', async (context) => {
    const counted = await token('--uses', '1');
    const [one, other] = [device(context), device(context)];
    for (const each of [one, other]) each.configure({ hub: hub.mqttUrl, token: counted });
    assert.match(await tokenLine(counted), / 1\/1 /);
    one.start();
    const name = await one.ready();
    assert.match(await tokenLine(counted), / 0\/1 /);
    other.start();
    await other.reports(/^the token is used up: it was good for one device, make another/);

    // The answer was lost: the device asks again.
    await one.kill9();
    await hub.kubectl.ok(['delete', 'node', name]);
    rmSync(`${one.dataDirectory}/identity.json`);
    one.start();
    assert.equal(await one.ready(), name);
    other.configure({ hub: hub.mqttUrl, token: await token('--uses', '1') });
    await other.ready();
  });

  it('makes 20 nodes of 20 clones of a card that was never booted, all with one name', async (context) => {
    const counted = await token('--uses', '20');
    const card = device(context);
    card.configure({ hub: hub.mqttUrl, token: counted, name: 'clone' });
    const clones = Array.from({ length: 19 }, () => cloned(context, card));
    const all = [card, ...clones];
    const names = new Set<string>();
    // Four at a time: a program each, on a machine of two cores.
    for (let first = 0; first < all.length; first += 4) {
      const some = all.slice(first, first + 4);
      for (const each of some) each.start();
      for (const each of some) names.add(await each.ready(60_000));
      await Promise.all(some.map((each) => each.stop()));
    }
    assert.equal(names.size, 20);
    assert.ok(names.has('clone'));
    assert.equal([...names].filter((name) => /^clone-[0-9a-f]{10}$/.test(name)).length, 19);
    assert.match(await tokenLine(counted), / 0\/20 /);
  });
});

describe('power cuts on the way', () => {
  it('leave a device that joins in the end, once, whenever they come', async (context) => {
    const counted = await token('--uses', '1');
    const one = device(context);
    one.configure({ hub: hub.mqttUrl, token: counted });
    // From before the program runs to after it has joined, on a machine that may be slow.
    for (let delayMs = 300; delayMs < 4000; delayMs *= 1.35) {
      one.start();
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await one.kill9();
    }
    one.start();
    const name = await one.ready();
    await one.reports(/^$/);
    assert.match(await tokenLine(counted), / 0\/1 /);
    assert.equal(name, (await hub.kubectl.json<Node>(['get', 'node', name])).metadata.name);
  });
});

describe('a copy of a card that was claimed', () => {
  it('never uses the identity, and tells that it has to be claimed', async (context) => {
    const original = device(context);
    original.configure({ hub: hub.mqttUrl, token: await token('--uses', '1') });
    original.start();
    const name = await original.ready();
    await original.stop();
    const copy = cloned(context, original);
    original.start();
    copy.start();
    await copy.says(new RegExp(`this card was copied from node ${name}: that identity is not used here`));
    await copy.reports(/^this card was copied from .*\nthe token is used up/);
    assert.equal(copy.read('identity.json'), undefined);
    assert.notEqual(copy.read<{ key: string }>('device.json')?.key, original.read<{ key: string }>('device.json')?.key);
    copy.configure({ hub: hub.mqttUrl, token: await token() });
    assert.notEqual(await copy.ready(), name);
  });
});

describe('a copied certificate', () => {
  it('is refused while the first device is there, and the node says so', async (context) => {
    const original = device(context);
    original.configure({ hub: hub.mqttUrl, token: await token() });
    original.start();
    const name = await original.ready();
    await hub.kubectl.ok(['wait', `node/${name}`, '--for=jsonpath={.status.nodeInfo.architecture}', '--timeout=20s']);
    await original.stop();
    const thief = cloned(context, original);
    // A thief does not say that the card was copied.
    for (const file of ['identity.json', 'device.json']) {
      const path = join(thief.dataDirectory, file);
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll(original.hardwareId, thief.hardwareId));
    }
    original.start();
    await original.ready();
    await hub.kubectl.ok([
      'wait',
      `node/${name}`,
      '--for=jsonpath={.status.conditions[?(@.type=="Ready")].status}=False',
      '--timeout=20s',
    ]);
    thief.start();
    await hub.kubectl.ok(['wait', `node/${name}`, '--for=condition=DuplicateIdentity', '--timeout=30s']);
    const { status } = await hub.kubectl.json<{ status: { conditions: { type: string; message: string }[] } }>([
      'get',
      'node',
      name,
    ]);
    const condition = status.conditions.find(({ type }) => type === 'DuplicateIdentity');
    assert.match(
      condition?.message ?? '',
      new RegExp(`second device \\(${thief.hardwareId}\\) .* \\(${original.hardwareId}\\) and was refused`),
    );
    assert.match(
      await hub.kubectl.ok(['get', 'events', '--field-selector', `involvedObject.name=${name}`]),
      /DuplicateIdentity/,
    );
  });
});

describe('a token whose devices are approved by hand', () => {
  type Requests = { items: { metadata: { name: string }; spec: { username: string; groups: string[] } }[] };

  it('makes a device wait over reboots, until somebody approves', async (context) => {
    const one = device(context);
    one.configure({ hub: hub.mqttUrl, token: await token('--approve', 'manual'), name: 'approved-1' });
    one.start();
    const line = await one.says(/waits to be approved: kubectl certificate approve /);
    const request = line.split(' ').at(-1) ?? '';
    assert.match(await hub.kubectl.ok(['get', 'csr', request]), /Pending/);
    await one.reports(/waits to be approved/);
    await one.kill9();
    one.start();
    assert.equal((await one.says(/waits to be approved/)).split(' ').at(-1), request);
    const { items } = await hub.kubectl.json<Requests>(['get', 'csr']);
    assert.equal(items.filter(({ metadata }) => metadata.name.startsWith('node-csr-approved-1')).length, 1);
    assert.match(await hub.kubectl.fails(['get', 'node', 'approved-1']), /NotFound/);
    await hub.kubectl.ok(['certificate', 'approve', request]);
    assert.equal(await one.ready(), 'approved-1');
    await one.reports(/^$/);
  });

  it('finds its certificate also when it was off when it was approved', async (context) => {
    const one = device(context);
    one.configure({ hub: hub.mqttUrl, token: await token('--approve', 'manual') });
    one.start();
    const request = (await one.says(/waits to be approved/)).split(' ').at(-1) ?? '';
    await one.kill9();
    await hub.kubectl.ok(['certificate', 'approve', request]);
    one.start();
    await one.ready();
  });

  it('tells a device that it was denied', async (context) => {
    const one = device(context);
    one.configure({ hub: hub.mqttUrl, token: await token('--approve', 'manual') });
    one.start();
    const request = (await one.says(/waits to be approved/)).split(' ').at(-1) ?? '';
    await hub.kubectl.ok(['certificate', 'deny', request]);
    await one.reports(/the certificate request was denied/);
  });
});
