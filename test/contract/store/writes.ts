// The store's contract, writes: what each does to keys and revisions, compares,
// and many writers at once.
import assert from 'node:assert/strict';
import { keysOf, put, storeError, type Test } from './support.ts';

export function testWrites(test: Test): void {
  test('an empty store holds nothing', async (store) => {
    assert.equal(await store.get('a'), undefined);
    assert.deepEqual(await store.list({ prefix: '' }), { entries: [], revision: store.revision(), remaining: 0 });
  });

  test('create, update, delete and create again, each one revision', async (store) => {
    const base = store.revision();
    const steps: { value: string | undefined; expect?: number; createRevision: number }[] = [
      { value: 'one', expect: 0, createRevision: base + 1 },
      { value: 'two', expect: base + 1, createRevision: base + 1 },
      { value: '', createRevision: base + 1 },
      { value: undefined, expect: base + 3, createRevision: 0 },
      { value: 'again', expect: 0, createRevision: base + 5 },
      { value: 'again', createRevision: base + 5 },
      { value: undefined, createRevision: 0 },
    ];
    for (const [index, { createRevision, ...write }] of steps.entries()) {
      const modRevision = base + index + 1;
      assert.equal(await store.write({ key: 'k', ...write }), modRevision);
      assert.equal(store.revision(), modRevision);
      const entry =
        write.value === undefined ? undefined : { key: 'k', value: write.value, createRevision, modRevision };
      assert.deepEqual(await store.get('k'), entry);
    }
  });

  test('a write whose compare fails says what there is, and changes nothing', async (store) => {
    await put(store, 'k');
    const present = await store.write({ key: 'k', value: 'v' });
    const cases: { key: string; value?: string; expect: number; current: number }[] = [
      { key: 'k', value: 'x', expect: 0, current: present },
      { key: 'k', value: 'x', expect: present - 1, current: present },
      { key: 'k', value: 'x', expect: present + 1, current: present },
      { key: 'k', expect: 0, current: present },
      { key: 'k', expect: present + 1, current: present },
      { key: 'absent', value: 'x', expect: present, current: 0 },
      { key: 'absent', expect: present, current: 0 },
    ];
    for (const { key, value, expect, current } of cases) {
      await assert.rejects(store.write({ key, value, expect }), storeError('compare-failed', current));
    }
    assert.equal(store.revision(), present);
    assert.deepEqual(await keysOf(store, ''), ['k']);
    assert.equal((await store.get('k'))?.value, 'v');
    assert.equal(await store.write({ key: 'next', value: 'v' }), present + 1);
  });

  test('deleting what does not exist writes nothing', async (store) => {
    const revision = await put(store, 'a');
    assert.equal(await store.write({ key: 'absent', value: undefined }), revision);
    assert.equal(await store.write({ key: 'absent', value: undefined, expect: 0 }), revision);
    assert.equal(store.revision(), revision);
  });

  test('keys and values come back as they went in', async (store) => {
    const texts = [
      '{"a":"b\\n"}',
      'line\nline\r\n',
      '$set',
      'a.b.c',
      '__proto__',
      'ünï\u2028\u0000 ✓',
      '😀',
      'x'.repeat(1 << 20),
    ];
    for (const [index, text] of texts.entries()) {
      await store.write({ key: `value/${index}`, value: text });
      await store.write({ key: `key/${text.slice(0, 100)}`, value: String(index) });
    }
    for (const [index, text] of texts.entries()) {
      assert.equal((await store.get(`value/${index}`))?.value, text);
      assert.equal((await store.get(`key/${text.slice(0, 100)}`))?.value, String(index));
    }
    assert.equal((await keysOf(store, 'key/')).length, texts.length);
  });
}

export function testConcurrency(test: Test): void {
  test('of many writes that expect the same revision one wins', async (store) => {
    let expect = 0;
    for (let round = 0; round < 10; round += 1) {
      const writes = Array.from({ length: 16 }, (_, writer) =>
        store.write({ key: 'k', value: `${round}/${writer}`, expect }),
      );
      const results = await Promise.allSettled(writes);
      const won = results.flatMap((result, writer) =>
        result.status === 'fulfilled' ? [{ writer, revision: result.value }] : [],
      );
      assert.equal(won.length, 1);
      const revision = won[0]?.revision ?? 0;
      for (const result of results) {
        if (result.status === 'rejected') storeError('compare-failed', revision)(result.reason);
      }
      const entry = await store.get('k');
      assert.deepEqual([entry?.modRevision, entry?.value], [revision, `${round}/${won[0]?.writer}`]);
      assert.equal(store.revision(), revision);
      expect = revision;
    }
  });

  test('whoever is told that the compare failed finds the winner when it reads', async (store) => {
    const base = await store.write({ key: 'k', value: 'first' });
    const winner = store.write({ key: 'k', value: 'second', expect: base });
    await assert.rejects(
      store.write({ key: 'k', value: 'third', expect: base }),
      storeError('compare-failed', base + 1),
    );
    // Otherwise a loop of read, change and compare spins without ever letting the winner's write finish.
    assert.equal((await store.get('k'))?.modRevision, base + 1);
    await winner;
  });

  test('a delete that resolves has happened, even when another one was first', async (store) => {
    await store.write({ key: 'k', value: 'v' });
    const first = store.write({ key: 'k', value: undefined });
    const second = await store.write({ key: 'k', value: undefined });
    assert.equal(await store.get('k'), undefined);
    assert.equal(second, await first);
  });

  test('no increment is lost', async (store) => {
    const workers = 8;
    const turns = 20;
    await Promise.all(
      Array.from({ length: workers }, async () => {
        let done = 0;
        for (let attempt = 0; attempt < 20_000 && done < turns; attempt += 1) {
          const entry = await store.get('counter');
          const value = String(Number(entry?.value ?? '0') + 1);
          await store.write({ key: 'counter', value, expect: entry?.modRevision ?? 0 }).then(() => {
            done += 1;
          }, storeError('compare-failed'));
          await new Promise((resolve) => setImmediate(resolve));
        }
        assert.equal(done, turns);
      }),
    );
    assert.equal((await store.get('counter'))?.value, String(workers * turns));
  });

  test('writers of different keys share no revision', async (store) => {
    const base = store.revision();
    const writes = Array.from({ length: 300 }, (_, index) => store.write({ key: `k${index}`, value: '', expect: 0 }));
    const revisions = (await Promise.all(writes)).sort((a, b) => a - b);
    assert.deepEqual(
      revisions,
      Array.from({ length: 300 }, (_, index) => base + index + 1),
    );
    assert.equal(store.revision(), base + 300);
  });
}
