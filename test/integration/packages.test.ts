// What `npm run package` makes, as people use it: built here, then installed on
// a bare Debian without Node, as services of a real systemd, with a real engine.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { skerry } from '../support/agent.ts';
import { endWithTest } from '../support/children.ts';
import { readyOf, TestCluster } from '../support/cluster.ts';
import { DebianMachine } from '../support/debian-machine.ts';
import { containersOf, networksOf } from '../support/engine.ts';
import { Kubectl } from '../support/kubectl.ts';
import { shellPod } from '../support/pods.ts';
import { runDirectory } from '../support/traces.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const buildTimeoutMs = 600_000;
const waitMs = 60_000;

/** Runs scripts/package.ts of a source tree. */
async function makePackages(args: string[], tree = root): Promise<string> {
  const command = [join(tree, 'scripts/package.ts'), ...args];
  return (await execute(process.execPath, command, { cwd: tree, timeout: buildTimeoutMs })).stdout;
}

describe('packages', { timeout: 1_500_000 }, () => {
  let cluster: TestCluster;
  let packages: string;
  const keys = { signing: '', public: '' };
  before(async () => {
    cluster = await TestCluster.start();
    packages = join(runDirectory, 'packages');
    [keys.signing, keys.public] = [join(runDirectory, 'release.pem'), join(runDirectory, 'release.pub.pem')];
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    writeFileSync(keys.signing, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(keys.public, publicKey.export({ type: 'spki', format: 'pem' }));
    // The other place of the second build has no history that tells the time.
    process.env.SOURCE_DATE_EPOCH = '1700000000';
    const what = ['--arch', 'x64', '--arch', 'armv7', '--only', 'agent', '--only', 'full', '--deb'];
    await makePackages([...what, '--output', packages, '--signing-key', keys.signing]);
  });
  after(() => cluster?.stop());

  it('are complete, signed and described', async () => {
    assert.match(await makePackages(['--verify', packages, '--public-key', keys.public]), /: good\n$/);
    const names = readdirSync(packages);
    for (const name of ['skerry-agent-linux-x64', 'skerry-agent-linux-armv7', 'skerry-linux-x64']) {
      assert.ok(names.includes(name), `${name} is missing among ${names}`);
      const sbom = JSON.parse(readFileSync(join(packages, `${name}.cdx.json`), 'utf8')) as {
        bomFormat: string;
        components: { name: string }[];
      };
      assert.equal(sbom.bomFormat, 'CycloneDX');
      const inside = sbom.components.map((component) => component.name);
      assert.ok(inside.includes('mqtt') && inside.includes('dockerode'), `${name} has ${inside}`);
      assert.equal(inside.includes('aedes'), name === 'skerry-linux-x64', 'only the hub has a broker');
    }
    const { stdout } = await execute('openssl', [
      ...['pkeyutl', '-verify', '-pubin', '-inkey', keys.public, '-rawin'],
      ...['-in', join(packages, 'SHA256SUMS'), '-sigfile', join(packages, 'SHA256SUMS.sig')],
    ]);
    assert.match(stdout, /Verified Successfully/);
  });

  it('are the same bytes from another place', async () => {
    const [tree, again] = [join(runDirectory, 'elsewhere/tree'), join(runDirectory, 'again')];
    mkdirSync(tree, { recursive: true });
    for (const name of readdirSync(root).filter((entry) => !['.git', 'node_modules', 'dist'].includes(entry)))
      cpSync(join(root, name), join(tree, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
    await makePackages(['--arch', 'armv7', '--only', 'agent', '--deb', '--output', again], tree);
    const made = readdirSync(again).filter((name) => !name.startsWith('SHA256SUMS'));
    assert.equal(made.length, 4);
    for (const name of made)
      assert.ok(readFileSync(join(again, name)).equals(readFileSync(join(packages, name))), `${name} differs`);
  });

  it('join a 32-bit ARM node, emulated', async () => {
    const program = join(packages, 'skerry-agent-linux-armv7');
    const options = ['--data-dir', join(runDirectory, 'agent-armv7'), '--node-name', 'armv7'];
    const join_ = ['--hub', cluster.hubUrl(), '--token', await cluster.token()];
    const qemu = ['-L', '/usr/arm-linux-gnueabihf', program, 'agent', ...options, ...join_];
    const child = spawn('qemu-arm-static', qemu, { stdio: ['ignore', 'ignore', 'inherit'] });
    endWithTest(child);
    await cluster.nodeReady('armv7', 'True', waitMs);
    const { code, stdout } = await skerry(['status', '--data-dir', join(runDirectory, 'agent-armv7')]);
    assert.equal(code, 0);
    assert.match(stdout, /^node armv7, /);
    child.kill('SIGTERM');
  });

  describe('on a bare Debian', () => {
    const machine = new DebianMachine();
    let kubectl: Kubectl;
    let dataDirectory: string;
    let instance: string;
    before(async () => {
      await machine.start();
      dataDirectory = join(runDirectory, 'agent-debian');
    });
    after(() => machine.remove());

    const until = <T>(what: string, look: () => Promise<T | undefined>): Promise<T> =>
      cluster.until(what, look, waitMs);
    const nodeReady = (): Promise<true> =>
      until('the node is Ready', async () => {
        const { code, stdout } = await kubectl.run(['get', 'node', 'debian', '-o', 'json']);
        if (code !== 0) return undefined;
        const { status } = JSON.parse(stdout) as { status: { conditions: { type: string; status: string }[] } };
        return readyOf(status.conditions) === 'True' ? true : undefined;
      });

    it('install, and wait for their configuration', async () => {
      assert.equal(await machine.run('command -v node || echo none'), 'none');
      await machine.run(`dpkg -i ${packages}/skerry_*_amd64.deb ${packages}/skerry-agent_*_amd64.deb`);
      assert.equal(await machine.property('skerry-agent', 'Result'), 'exec-condition');
      assert.equal(await machine.run('systemctl is-enabled skerry-hub || true'), 'disabled');
    });

    it('run a hub, and an agent that joins it and runs a pod', async () => {
      const settings = 'data-dir: /var/lib/skerry/hub\\nhttps-port: 0\\nmqtt-port: 0\\n';
      await machine.run(`printf '${settings}' > /etc/skerry/hub.yaml; systemctl enable --now skerry-hub`);
      const ready = await machine.run("journalctl --unit skerry-hub --output cat | grep '^skerry hub ready'");
      const kubeconfig = join(runDirectory, 'debian.kubeconfig');
      writeFileSync(kubeconfig, await machine.run('cat /var/lib/skerry/hub/admin.kubeconfig'));
      kubectl = new Kubectl(kubeconfig);
      const token = await machine.run('skerry token create --data-dir /var/lib/skerry/hub');
      const agent = { 'data-dir': dataDirectory, hub: ready.split(' ')[4], token, 'node-name': 'debian' };
      writeFileSync(
        join(runDirectory, 'agent.yaml'),
        Object.entries(agent)
          .map(([key, value]) => `${key}: ${value}\n`)
          .join(''),
      );
      await machine.run(`cp ${runDirectory}/agent.yaml /etc/skerry/agent.yaml; systemctl restart skerry-agent`);
      assert.equal(await machine.property('skerry-agent', 'ActiveState'), 'active');
      await nodeReady();
      await kubectl.apply([shellPod('first')]);
      await kubectl.ok(['wait', 'pod/first', '--for=condition=Ready', '--timeout=60s'], { timeoutMs: waitMs });
      instance = (JSON.parse(readFileSync(join(dataDirectory, 'identity.json'), 'utf8')) as { instance: string })
        .instance;
    });

    it('restart an agent that is stuck, and none of its pods', async () => {
      const before_ = (await containersOf(instance)).map(({ id }) => id).sort();
      assert.ok(before_.length > 0);
      const dropIn = '/run/systemd/system/skerry-agent.service.d';
      await machine.run(`mkdir -p ${dropIn}; printf '[Service]\\nWatchdogSec=6s\\n' > ${dropIn}/watchdog.conf`);
      await machine.run('systemctl daemon-reload; systemctl restart skerry-agent');
      await until('the agent has told that it lives', async () =>
        /^[1-9]/.test(await machine.property('skerry-agent', 'WatchdogTimestampMonotonic')) ? true : undefined,
      );
      assert.equal(await machine.property('skerry-agent', 'NRestarts'), '0');
      await machine.run('systemctl kill --kill-whom=main --signal=STOP skerry-agent');
      await until('systemd has restarted the agent', async () =>
        (await machine.property('skerry-agent', 'NRestarts')) === '1' &&
        (await machine.property('skerry-agent', 'ActiveState')) === 'active'
          ? true
          : undefined,
      );
      await nodeReady();
      assert.deepEqual((await containersOf(instance)).map(({ id }) => id).sort(), before_);
    });

    it('leave nothing when they are purged', async () => {
      await machine.run('dpkg --purge skerry-agent');
      assert.deepEqual(await containersOf(instance), []);
      assert.deepEqual(await networksOf(instance), []);
      assert.equal(existsSync(dataDirectory), false);
      await machine.run('dpkg --purge skerry');
      const left = "find / -xdev -name '*skerry*' -not -path '/proc/*' -not -path '/var/log/*' -not -path '/tmp/*'";
      assert.equal(await machine.run(left), '');
    });
  });
});
