// The scripts of the firmware, as busybox' shell reads them: their syntax, and the
// state of the root slots in GRUB's environment block.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';

const files = join(import.meta.dirname, 'files');

function shell(script: string, args: string[] = []): string {
  return execFileSync('busybox', ['sh', '-c', script, 'sh', ...args], { encoding: 'utf8' });
}

describe('the scripts of the firmware', () => {
  const scripts = readdirSync(files, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => /^#!.*\bsh$/m.test(readFileSync(path, 'utf8').split('\n')[0] ?? ''));

  it('are there, can be run, and are understood by busybox', () => {
    assert.ok(scripts.length >= 12, `found ${scripts.length}`);
    for (const path of scripts) {
      assert.ok((statSync(path).mode & 0o111) !== 0, `${path} is executable`);
      execFileSync('busybox', ['sh', '-n', path]);
    }
  });
});

describe('root slots with GRUB', () => {
  const directory = mkdtempSync(join(tmpdir(), 'skerry-slots-'));
  const environment = join(directory, 'grubenv');
  after(() => rmSync(directory, { recursive: true, force: true }));
  beforeEach(() => {
    writeFileSync(environment, '# GRUB Environment Block\nactive=a\na_tries=2\nb_tries=0\n'.padEnd(1024, '#'));
  });

  /** Runs functions of the script on the environment block; resolves with what they left: active, tries of a and b. */
  function stateAfter(commands: string): string[] {
    const prelude = `environment=${environment} scratch=${directory}; with_writable_boot() { "$@"; }; . ${files}/grub/boot-state;`;
    return shell(`${prelude} ${commands}; for name in active a_tries b_tries; do read_state $name; done`)
      .trim()
      .split('\n');
  }

  it('gives a slot that proved good all its tries again', () => {
    assert.deepEqual(stateAfter('confirm_slot a'), ['a', '3', '0']);
  });

  it('starts another slot next, and keeps the tries of this one', () => {
    assert.deepEqual(stateAfter('confirm_slot a; try_slot b'), ['b', '3', '3']);
    assert.deepEqual(stateAfter('confirm_slot a'), ['a', '3', '3']);
  });

  it('keeps the form and the length of the block', () => {
    stateAfter('try_slot b');
    const text = readFileSync(environment, 'latin1');
    assert.equal(text.length, 1024);
    assert.match(text, /^# GRUB Environment Block\nactive=b\na_tries=2\nb_tries=3\n#+$/);
  });

  it('writes nothing when nothing changes', () => {
    stateAfter('confirm_slot a');
    const { mtimeNs } = statSync(environment, { bigint: true });
    stateAfter('confirm_slot a');
    assert.equal(statSync(environment, { bigint: true }).mtimeNs, mtimeNs);
  });
});
