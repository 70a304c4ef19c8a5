// Schedules of CronJobs: what Kubernetes takes, and the times that they mean.
// https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatInZone, nextScheduleMs, scheduleError } from './cron-schedule.ts';

/** A Wednesday. */
const now = '2024-05-01T12:00:00Z';

function next(schedule: string, timeZone?: string, after = now): string {
  const timeMs = nextScheduleMs(schedule, timeZone, Date.parse(after));
  return timeMs === undefined ? 'never' : new Date(timeMs).toISOString().replace(':00.000Z', '').replace('.000Z', '');
}

describe('the next time', () => {
  const cases: [schedule: string, time: string, timeZone?: string | undefined, after?: string][] = [
    ['* * * * *', '2024-05-01T12:01'],
    ['0 * * * *', '2024-05-01T13:00'],
    ['30 3 * * *', '2024-05-02T03:30'],
    ['*/15 * * * *', '2024-05-01T12:15'],
    ['10-20/5 * * * *', '2024-05-01T12:10'],
    // From this number on, in steps.
    ['5/20 * * * *', '2024-05-01T12:05'],
    ['5/20 * * * *', '2024-05-01T12:45', undefined, '2024-05-01T12:25:00Z'],
    ['1,31 6,18 * * *', '2024-05-01T18:01'],
    ['0 0 13 * 5', '2024-05-03T00:00'],
    ['0 0 13 * *', '2024-05-13T00:00'],
    ['0 0 * * 0', '2024-05-05T00:00'],
    ['0 0 * * sun', '2024-05-05T00:00'],
    ['0 0 ? * MON-FRI', '2024-05-02T00:00'],
    ['0 0 1 JAN *', '2025-01-01T00:00'],
    ['0 0 29 2 *', '2028-02-29T00:00'],
    ['0 0 31 2 *', 'never'],
    ['@hourly', '2024-05-01T13:00'],
    ['@daily', '2024-05-02T00:00'],
    ['@midnight', '2024-05-02T00:00'],
    ['@weekly', '2024-05-05T00:00'],
    ['@monthly', '2024-06-01T00:00'],
    ['@yearly', '2025-01-01T00:00'],
    ['@annually', '2025-01-01T00:00'],
    ['@every 90s', '2024-05-01T12:01:30'],
    ['@every 1h', '2024-05-01T13:00'],
    ['0 0 * * *', '2024-05-01T22:00', 'Europe/Berlin'],
    ['0 0 * * *', '2024-05-02T04:00', 'America/New_York'],
    ['0 9 * * *', '2024-10-27T08:00', 'Europe/Berlin', '2024-10-26T12:00:00Z'],
    // A time that is there already is not its own next one.
    ['0 12 * * *', '2024-05-02T12:00'],
    ['0 12 * * *', '2024-05-01T12:00', undefined, '2024-05-01T11:59:59Z'],
  ];
  for (const [schedule, time, timeZone, after] of cases) {
    it(`of ${schedule}${timeZone === undefined ? '' : ` in ${timeZone}`}`, () => {
      assert.equal(scheduleError(schedule, timeZone), undefined);
      assert.equal(next(schedule, timeZone, after), time);
    });
  }
});

describe('refused', () => {
  const schedules = [
    ['', 'nothing'],
    ['* * * *', 'four fields'],
    ['* * * * * *', 'six fields'],
    ['60 * * * *', 'a minute beyond'],
    ['* 24 * * *', 'an hour beyond'],
    ['0 0 0 * *', 'day 0'],
    ['0 0 32 * *', 'day 32'],
    ['0 0 * 13 *', 'month 13'],
    // Days of the week are 0 to 6.
    ['0 0 * * 7', 'day 7 of the week'],
    ['20-10 * * * *', 'a range backwards'],
    ['*/0 * * * *', 'steps of nothing'],
    ['a * * * *', 'a word'],
    ['1,, * * * *', 'an empty item'],
    // Forms of other crons.
    ['0 0 L * *', 'the last day'],
    ['0 0 15W * *', 'the nearest weekday'],
    ['0 0 * * 1#2', 'the second Monday'],
    ['@reboot', 'at the start'],
    ['@never', 'an unknown word'],
    ['TZ=UTC 0 0 * * *', 'a time zone'],
    ['CRON_TZ=UTC 0 0 * * *', 'a time zone'],
  ] as const;
  for (const [schedule, why] of schedules) {
    it(`${schedule}: ${why}`, () => assert.equal(scheduleError(schedule, undefined)?.field, 'schedule'));
  }
  for (const zone of ['', 'Local', 'local', 'Mars/Olympus', 'Europe']) {
    it(`in the time zone ${JSON.stringify(zone)}`, () =>
      assert.equal(scheduleError('* * * * *', zone)?.field, 'timeZone'));
  }
  it('nothing runs more often than each second', () => {
    for (const schedule of ['@every 0s', '@every 0h'])
      if (scheduleError(schedule, undefined) === undefined) assert.equal(next(schedule), '2024-05-01T12:00:01');
  });
});

describe('a time in its zone', () => {
  const cases: [zone: string | undefined, time: string][] = [
    [undefined, '2024-05-01T12:00:00Z'],
    ['Etc/UTC', '2024-05-01T12:00:00Z'],
    ['Europe/Berlin', '2024-05-01T14:00:00+02:00'],
    ['America/St_Johns', '2024-05-01T09:30:00-02:30'],
    ['Pacific/Kiritimati', '2024-05-02T02:00:00+14:00'],
  ];
  for (const [zone, time] of cases) it(String(zone), () => assert.equal(formatInZone(Date.parse(now), zone), time));
});
