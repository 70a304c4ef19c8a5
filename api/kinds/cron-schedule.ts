// Schedules of CronJobs: five fields or a macro, in a time zone. Which minutes
// they mean is croner's work; what Kubernetes allows beside is checked here.
// https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
import { Cron } from 'croner';
import { formatTime } from '../meta/time.ts';

const macros = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];
const everyPattern = /^@every (\d+)(h|m|s)$/;
const unitMs: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000 };

type ScheduleProblem = { field: 'schedule' | 'timeZone'; value: string; message: string };

function parse(schedule: string, timeZone: string | undefined): Cron {
  // Sloppy: `5/20` is from 5 on, in steps of 20.
  return new Cron(schedule, { paused: true, mode: '5-part', timezone: timeZone ?? 'Etc/UTC', sloppyRanges: true });
}

/** Says what is wrong with a schedule or its time zone, or nothing. */
export function scheduleError(schedule: string, timeZone: string | undefined): ScheduleProblem | undefined {
  const inSchedule = (message: string): ScheduleProblem => ({ field: 'schedule', value: schedule, message });
  if (schedule.includes('TZ')) {
    return inSchedule('cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  }
  if (timeZone !== undefined) {
    const problem = timeZoneError(timeZone);
    if (problem !== undefined) return { field: 'timeZone', value: timeZone, message: problem };
  }
  if (everyPattern.test(schedule)) return undefined;
  if (!schedule.startsWith('@') && schedule.trim().split(/\s+/).length !== 5) {
    return inSchedule(`expected exactly 5 fields, found ${schedule.trim().split(/\s+/).length}: [${schedule}]`);
  }
  if (!schedule.startsWith('@')) {
    // What croner knows beyond Kubernetes: last days, nearest weekdays, nth weekdays, a second Sunday.
    const [, , day = '', , weekday = ''] = schedule.trim().split(/\s+/);
    if (/[LW#+]/i.test(day) || /[L#+]|\b7/i.test(weekday)) return inSchedule(`failed to parse days: ${schedule}`);
  }
  if (schedule.startsWith('@') && !macros.includes(schedule)) return inSchedule(`unrecognized descriptor: ${schedule}`);
  try {
    parse(schedule, timeZone);
    return undefined;
  } catch (error) {
    return inSchedule((error as Error).message);
  }
}

function timeZoneError(timeZone: string): string | undefined {
  if (timeZone === '') return 'timeZone must be nil or non-empty string';
  if (timeZone.toLowerCase() === 'local')
    return 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return undefined;
  } catch {
    return `unknown time zone ${timeZone}`;
  }
}

/** The first time of a valid schedule after `afterMs`, milliseconds since 1970; undefined when there is none. */
export function nextScheduleMs(schedule: string, timeZone: string | undefined, afterMs: number): number | undefined {
  const [, count, unit] = everyPattern.exec(schedule) ?? [];
  if (count !== undefined) return afterMs + Math.max(1000, Number(count) * (unitMs[unit ?? ''] ?? 1000));
  return parse(schedule, timeZone).nextRun(new Date(afterMs))?.getTime();
}

/** A time as the clocks of a zone show it, with their offset: `2024-05-01T14:00:00+02:00`; without a zone in UTC. */
export function formatInZone(timeMs: number, timeZone: string | undefined): string {
  const zone = timeZone ?? 'Etc/UTC';
  const parts = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(timeMs);
  const offset = parts.find(({ type }) => type === 'timeZoneName')?.value.slice('GMT'.length) ?? '';
  if (offset === '' || offset === '+00:00') return formatTime(timeMs);
  const [hours = 0, minutes = 0] = offset.slice(1).split(':').map(Number);
  const offsetMs = (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
  return formatTime(timeMs + offsetMs).replace('Z', offset);
}
