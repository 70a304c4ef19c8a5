// Announcements and claims: what is written is read again; anything else is refused, and never throws.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Announcement,
  announcementTexts,
  codeOfKey,
  isCodeOfKey,
  maxClaimBytes,
  readAnnouncement,
  readClaimAnswer,
  readLanClaim,
} from './announcement.ts';

const key = 'ab'.repeat(32);
const announcement: Announcement = { hardwareId: 'serial-1', nodeName: 'skerry-1', version: '0.1.0', key };
const claim = { hub: 'mqtts://10.0.0.1:8883', token: `skerry1.abcdef.0123456789abcdef.${key}`, name: 'kitchen' };

describe('an announcement', () => {
  it('is read as it was written', () => {
    assert.deepEqual(readAnnouncement(announcementTexts(announcement)), announcement);
  });

  it('is nothing when a part of it is missing or not what it should be', () => {
    const texts = announcementTexts(announcement);
    for (const index of texts.keys()) assert.equal(readAnnouncement(texts.toSpliced(index, 1)), undefined);
    for (const text of ['id=a b', 'name=A\u001b[2J', 'version=', 'key=12', 'state=claimed'])
      assert.equal(readAnnouncement([...texts, text]), undefined, text);
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (rubbish) => readAnnouncement(rubbish) === undefined),
      { seed: 1 },
    );
  });
});

it('has a code for people', () => {
  const code = codeOfKey(key);
  assert.match(code, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}$/);
  assert.ok(isCodeOfKey(code, key));
  assert.ok(isCodeOfKey(code.toLowerCase().replaceAll('-', ' '), key));
  assert.ok(!isCodeOfKey(code, 'cd'.repeat(32)));
  assert.ok(!isCodeOfKey('', key));
});

describe('a claim', () => {
  it('is read as it was written', () => {
    const whole = { ...claim, labels: { room: 'kitchen' } };
    assert.deepEqual(readLanClaim(JSON.stringify(whole)), { claim: whole });
  });

  it('says what is wrong', () => {
    const problem = (value: unknown): string => {
      const reading = readLanClaim(typeof value === 'string' ? value : JSON.stringify(value));
      return 'problem' in reading ? reading.problem : assert.fail('it was taken');
    };
    assert.match(problem({ ...claim, hub: 'https://x' }), /^hub: expected mqtts/);
    assert.match(problem({ hub: claim.hub }), /^hub and token: are required/);
    assert.match(problem({ ...claim, sshKeys: ['ssh-rsa AAAA'] }), /^sshKeys: can't be given over the network/);
    assert.match(problem({ ...claim, wifi: { ssid: 'x' } }), /^wifi: /);
    assert.match(problem({ ...claim, more: 1 }), /^more: expected one of/);
    assert.match(problem('[1]'), /JSON object/);
    assert.match(problem('hub: x'), /JSON object/);
    assert.match(problem(`{"name":"${'a'.repeat(maxClaimBytes)}"}`), /more than 16384 bytes/);
  });

  it('survives rubbish', () => {
    const line = JSON.stringify(claim);
    const edits = fc.array(fc.tuple(fc.nat(line.length - 1), fc.string({ maxLength: 4 })), { maxLength: 6 });
    fc.assert(
      fc.property(edits, (list) => {
        let text = line;
        for (const [at, piece] of list) text = text.slice(0, at) + piece + text.slice(at + 1);
        const reading = readLanClaim(text);
        if ('claim' in reading) assert.match(reading.claim.hub, /^mqtts:/);
      }),
      { seed: 1, numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.json(), (text) => 'problem' in readLanClaim(text)),
      { seed: 1 },
    );
  });
});

it('reads answers, and nothing else', () => {
  const answers = [
    { state: 'taken' },
    { state: 'joined', node: 'a' },
    { state: 'waiting', message: 'b' },
    { state: 'refused', message: 'c' },
  ];
  for (const answer of answers) assert.deepEqual(readClaimAnswer(JSON.stringify(answer)), answer);
  for (const text of ['', '{}', '[]', '{"state":"joined"}', '{"state":"refused","message":1}', '{"state":"x"}'])
    assert.equal(readClaimAnswer(text), undefined, text);
});
