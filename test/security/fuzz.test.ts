// The API server under hostile input, the short run: every surface, hubs in this
// process and one behind TLS, a seed a day's run can't repeat. `npm run fuzz` is
// the long one; a failing input is printed so that it can be sent again.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { it } from 'node:test';
import { describeFailure, runCampaign } from './fuzz/campaign.ts';
import type { Failure } from './fuzz/driver.ts';
import { parseInput, printInput } from './fuzz/input.ts';
import { runFuzz } from './fuzz/run.ts';

const inputs = 30_000;
const tlsInputs = 1500;
const workers = 2;

function ignore(): void {}

function assertNone(failures: readonly Failure[], seed: number): void {
  assert.equal(failures.length, 0, `seed ${seed}\n${failures.map(describeFailure).join('\n')}`);
}

it('bears hostile input on every surface', async (context) => {
  const seed = randomInt(1_000_000_000);
  const { figures, failures } = await runCampaign({
    inputs,
    seed,
    workers,
    only: [],
    onFault: ignore,
    onProgress: ignore,
  });
  context.diagnostic(`seed ${seed}, ${[...figures.answers].map(([code, count]) => `${count} of ${code}`).join(', ')}`);
  assertNone(failures, seed);
  assert.ok(figures.inputs >= inputs, `${figures.inputs} inputs were sent`);
  // Inputs that are all refused would show nothing of what lies behind.
  assert.ok((figures.answers.get('201') ?? 0) > inputs / 200, 'hardly anything was created');
  assert.ok((figures.answers.get('200') ?? 0) > inputs / 50, 'hardly anything was read or changed');
});

it('bears hostile input over TLS, and stores nothing outside of its place', async (context) => {
  const seed = randomInt(1_000_000_000);
  const { figures, failures } = await runFuzz({
    layer: 'tls',
    seed,
    inputs: tlsInputs,
    only: [],
    onInput: ignore,
    onFault: ignore,
    onResult: ignore,
  });
  context.diagnostic(`seed ${seed}, ${[...figures.answers].map(([code, count]) => `${count} of ${code}`).join(', ')}`);
  assertNone(failures, seed);
});

it('prints inputs so that they can be sent again', () => {
  const input = {
    surface: 'json',
    identity: 'admin' as const,
    method: 'POST',
    target: '/api/v1/namespaces/default/configmaps',
    headers: [['Content-Type', 'application/json']] as const,
    body: ['{', ['[', 3] as const, new Uint8Array([255, 0])],
  };
  assert.deepEqual(parseInput(printInput(input)), input);
});
