// The shell of device mode on a virtual disk and clock: killed after any write
// it comes up again, and what it says is what a person needs.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClaimAnswer } from '../../api/device/announcement.ts';
import { createMemoryLog } from '../../platform/log.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { VirtualClock } from '../../platform/virtual-clock.ts';
import { VirtualDisk } from '../../platform/virtual-disk.ts';
import type { DeviceRecord } from '../state/device-record.ts';
import type { Identity } from '../state/identity.ts';
import { RefusedError } from '../sync/connector.ts';
import type { JoinOptions } from '../sync/join.ts';
import { Device } from './device.ts';
import { distinctNodeName } from './hardware-id.ts';
import { hashToken } from './plan.ts';

const token = `skerry1.abcdef.0123456789abcdef.${'ab'.repeat(32)}`;
const hub = 'mqtts://hub:8883';
const claimed = `hub: ${hub}\ntoken: ${token}\n`;

/** What outlives a boot: the disk, the boot partition's report, and a hub that joins whoever asks. */
class Bench {
  readonly disk = new VirtualDisk();
  readonly clock = new VirtualClock();
  readonly asked: JoinOptions[] = [];
  readonly said: string[] = [];
  report = '';
  listening:
    | ((claim: { hub: string; token: string }, tell: (answer: ClaimAnswer) => void) => Promise<void>)
    | undefined;
  answer: (options: JoinOptions) => Promise<Identity> = async ({ nodeName, key = '', hubUrl }) => ({
    nodeName,
    key,
    hubUrl,
    instance: 'i',
    certificate: 'c',
    authority: 'a',
  });
  /** Writes and removals until the power goes. */
  writesLeft = Number.POSITIVE_INFINITY;
  power = new AbortController();
  /** The boot partition is broken. */
  unreadable = false;

  configure(text: string): Promise<void> {
    return this.disk.write('/boot/skerry.yaml', text);
  }

  /** The device as it is after a boot. */
  boot(hardwareId = 'serial-1'): Device {
    const disk = this.disk;
    this.power = new AbortController();
    const spend = (): void => {
      this.writesLeft -= 1;
      if (this.writesLeft >= 0) return;
      this.power.abort();
      throw new Error('the power is gone');
    };
    const failing = Object.assign(Object.create(disk) as VirtualDisk, {
      read: (path: string) =>
        this.unreadable && path.startsWith('/boot/') ? Promise.reject(new Error('EIO')) : disk.read(path),
      write: async (path: string, content: string) => {
        spend();
        await disk.write(path, content);
      },
      remove: async (path: string) => {
        spend();
        await disk.remove(path);
      },
    });
    return new Device(
      { dataDirectory: '/data', configPath: '/boot/skerry.yaml', hardwareId },
      {
        clock: this.clock,
        random: createSeededRandom(1),
        disk: failing,
        log: createMemoryLog([]),
        hooks: {
          applyConfig: async () => undefined,
          report: async (text) => {
            this.report = text;
          },
        },
        join: (options) => {
          this.asked.push(options);
          return this.answer(options);
        },
        listen: async (_key, onClaim, signal) => {
          this.listening = onClaim;
          signal.addEventListener('abort', () => {
            this.listening = undefined;
          });
        },
        say: (line) => this.said.push(line),
      },
    );
  }

  async json<T>(name: string): Promise<T | undefined> {
    const bytes = await this.disk.read(`/data/${name}`);
    return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as T);
  }

  /** Boots, and claims to the end, or until the power goes. */
  async run(hardwareId?: string): Promise<Identity | undefined> {
    const device = this.boot(hardwareId);
    try {
      const found = await device.start();
      return (await device.claim(this.power.signal)) ?? found;
    } catch (error) {
      if (!this.power.signal.aborted) throw error;
      return undefined;
    }
  }
}

describe('a device with a token in its file', () => {
  it('joins with one key, whatever happens between', async () => {
    for (let writes = 0; writes < 12; writes += 1) {
      const bench = new Bench();
      await bench.configure(claimed);
      bench.writesLeft = writes;
      await bench.run();
      const isCut = bench.power.signal.aborted;
      const cutKey = (await bench.json<DeviceRecord>('device.json'))?.key;
      bench.writesLeft = Number.POSITIVE_INFINITY;
      const identity = await bench.run();
      assert.equal(identity?.tokenHash, hashToken(token));
      assert.equal(identity.hardwareId, 'serial-1');
      if (cutKey !== undefined) assert.equal(identity.key, cutKey, `cut after ${writes} writes`);
      assert.equal(new Set(bench.asked.map(({ key }) => key)).size, 1);
      assert.equal(bench.report, '');
      if (!isCut) return;
    }
    assert.fail('there was no end of writes');
  });

  it('takes a name of its own when the one it was given is another device', async () => {
    const bench = new Bench();
    await bench.configure(`${claimed}name: kitchen\n`);
    const { answer } = bench;
    bench.answer = (options) =>
      options.nodeName === 'kitchen'
        ? Promise.reject(new RefusedError('node kitchen exists already', { reason: 'name-taken' }))
        : answer(options);
    assert.equal((await bench.run())?.nodeName, distinctNodeName('kitchen', 'serial-1'));
    assert.match(bench.said.join('\n'), /node kitchen is another device: this one takes the name kitchen-[0-9a-f]{10}/);
  });

  it('goes on trying, and says why on the boot partition', async () => {
    const bench = new Bench();
    await bench.configure(claimed);
    const { answer } = bench;
    let failures = 3;
    bench.answer = (options) => {
      failures -= 1;
      return failures < 0 ? answer(options) : Promise.reject(new Error('getaddrinfo EAI_AGAIN hub'));
    };
    const joined = bench.run();
    await bench.clock.advance(100);
    assert.equal(bench.report, `${hub} can't be reached: getaddrinfo EAI_AGAIN hub\n`);
    assert.equal(bench.listening, undefined, 'a device that its file claims is for nobody else');
    await bench.clock.advance(60_000);
    assert.ok(await joined);
    assert.equal(bench.report, '');
    assert.equal(bench.said.filter((line) => line.includes('EAI_AGAIN')).length, 1);
  });
});

it('joins again when its identity is damaged, as the same', async () => {
  const bench = new Bench();
  await bench.configure(claimed);
  const before = await bench.run();
  await bench.disk.write('/data/identity.json', '{"nodeName":');
  const again = await bench.run();
  assert.deepEqual([again?.nodeName, again?.key], [before?.nodeName, before?.key]);
  assert.match(bench.said.join('\n'), /identity\.json is damaged.*set aside/);
});

it('tells a disk that fails from a hub that is away', async () => {
  const bench = new Bench();
  await bench.configure(claimed);
  await bench.boot().start();
  const { answer } = bench;
  bench.answer = (options) => {
    bench.disk.full = bench.asked.length === 1;
    return answer(options);
  };
  const joined = bench.run();
  await bench.clock.advance(100);
  assert.match(bench.report, /^what belongs on the disk can't be kept: no space left on device/);
  await bench.clock.advance(60_000);
  assert.ok(await joined);
  assert.equal(new Set(bench.asked.map(({ key }) => key)).size, 1);
});

it('starts with what it has when the disk is full and the boot partition broken', async () => {
  const bench = new Bench();
  await bench.configure(claimed);
  const before = await bench.run();
  await bench.configure(claimed.replace('hub:8883', 'moved:8883'));
  bench.disk.full = true;
  assert.deepEqual(await bench.run(), { ...before, hubUrl: 'mqtts://moved:8883' });
  bench.unreadable = true;
  assert.deepEqual(await bench.run(), before);
  assert.equal(bench.report, "skerry.yaml can't be read: EIO\n");
});

describe('a copied card', () => {
  it('never gives the identity to another board, and removes what would run there, whenever the power goes', async () => {
    for (let writes = 0; writes < 12; writes += 1) {
      const bench = new Bench();
      await bench.configure(claimed);
      const original = await bench.run('serial-1');
      await bench.disk.write('/data/slice/pods__default__a.json', '{}');
      bench.writesLeft = writes;
      const copy = bench.boot('serial-2');
      const started = await copy.start().catch(() => undefined);
      const isCut = bench.power.signal.aborted;
      assert.equal(started, undefined);
      bench.writesLeft = Number.POSITIVE_INFINITY;
      const own = await bench.run('serial-2');
      assert.notEqual(own?.nodeName, original?.nodeName);
      assert.notEqual(own?.key, original?.key);
      assert.deepEqual(await bench.disk.list('/data/slice'), []);
      assert.equal((await bench.json<Identity>('identity.set-aside.json'))?.nodeName, original?.nodeName);
      if (!isCut) return;
    }
    assert.fail('there was no end of writes');
  });
});

it('makes nothing of 20 copies of a claimed card but reports, and nodes when the token is good for more', async () => {
  const card = new Bench();
  await card.configure(claimed);
  const original = await card.run('serial-0');
  const keys = new Set([original?.key]);
  for (let index = 1; index <= 20; index += 1) {
    const bench = new Bench();
    for (const path of ['/boot/skerry.yaml', '/data/identity.json', '/data/device.json'])
      await bench.disk.write(path, (await card.disk.read(path)) ?? '');
    const { answer } = bench;
    bench.answer = () => Promise.reject(new RefusedError('the token is used up'));
    const joined = bench.run(`serial-${index}`);
    await bench.clock.advance(100);
    const [copied, refused] = bench.report.split('\n');
    assert.match(
      copied ?? '',
      new RegExp(`^this card was copied from node ${original?.nodeName}: that identity is not used`),
    );
    assert.equal(refused, 'the token is used up');
    bench.answer = answer;
    await bench.clock.advance(120_000);
    const own = await joined;
    assert.equal(bench.report, '');
    assert.deepEqual([...new Set(bench.asked.map(({ hardwareId }) => hardwareId))], [`serial-${index}`]);
    for (const { key } of bench.asked) keys.add(key);
    assert.notEqual(own?.nodeName, original?.nodeName);
  }
  assert.equal(keys.size, 21);
});

describe('a device that belongs to nobody', () => {
  it('can be claimed on its network, again when that comes to nothing, and not when it is done', async () => {
    const bench = new Bench();
    const { answer } = bench;
    const joined = bench.run();
    await bench.clock.advance(100);
    assert.match(bench.report, /^not claimed: skerry.yaml names no hub and token\. .*skerry claim skerry-\w+ --code /);

    assert.ok((await bench.json<DeviceRecord>('device.json'))?.key, 'the next start would have another code');
    bench.answer = () => Promise.reject(new RefusedError('the token is used up'));
    const told: ClaimAnswer[] = [];
    await bench.listening?.({ hub, token }, (line) => told.push(line));
    await bench.clock.advance(100);
    assert.deepEqual(told, [{ state: 'taken' }, { state: 'refused', message: 'the token is used up' }]);
    assert.equal((await bench.json<DeviceRecord>('device.json'))?.claim, undefined);

    bench.answer = answer;
    await bench.listening?.({ hub, token }, (line) => told.push(line));
    const identity = await joined;
    assert.deepEqual(told.at(-1), { state: 'joined', node: identity?.nodeName });
    assert.deepEqual((await bench.json<DeviceRecord>('device.json'))?.claim, { hub });
    assert.equal(bench.listening, undefined);
    assert.equal(bench.report, '');
    assert.equal((await bench.run())?.nodeName, identity?.nodeName);
  });

  it('believes the last who came, and tells the one before', async () => {
    const bench = new Bench();
    const { answer } = bench;
    const joined = bench.run();
    await bench.clock.advance(100);
    bench.answer = () => Promise.reject(new Error('no way there'));
    const told: ClaimAnswer[] = [];
    await bench.listening?.({ hub: 'mqtts://wrong:1', token }, (line) => told.push(line));
    await bench.clock.advance(100);
    bench.answer = answer;
    await bench.listening?.({ hub, token }, () => undefined);
    assert.equal((await joined)?.hubUrl, hub);
    assert.deepEqual(
      told.map(({ state }) => state),
      ['taken', 'waiting', 'refused'],
    );
  });
});
