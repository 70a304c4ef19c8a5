// CronJobs as objects: all operations, and their status.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../../api/meta/object.ts';
import { conformance } from './support/conformance.ts';
import { checkOperations } from './support/operations.ts';

type CronJob = KubeObject & { status: { lastScheduleTime?: string } };

const containers = [
  {
    name: 'c',
    image: 'busybox',
    command: ['/bin/true'],
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  },
];

/** Suspended, so that no controller changes its status when a minute begins. */
const spec = {
  schedule: '* */1 * * ?',
  suspend: true,
  concurrencyPolicy: 'Allow',
  successfulJobsHistoryLimit: 1,
  failedJobsHistoryLimit: 0,
  jobTemplate: {
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 1,
      template: { spec: { restartPolicy: 'OnFailure', containers, volumes: [{ name: 'data', emptyDir: {} }] } },
    },
  },
};

conformance('[sig-apps] CronJob should support CronJob API operations [Conformance]', async (cluster) => {
  await checkOperations(cluster, {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    resource: 'cronjobs',
    namespaced: true,
    subresources: ['status'],
    names: ['cron-1', 'cron-2', 'cron-3'],
    fields: { spec },
    more: async (path, created) => {
      const times = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
      const patched = await cluster.patch<CronJob>(`${path}/status`, {
        metadata: { annotations: { patchedstatus: 'true' } },
        status: { lastScheduleTime: times[0] },
      });
      assert.equal(patched.status.lastScheduleTime, times[0]);
      assert.equal(patched.metadata.annotations?.patchedstatus, 'true');
      const updated = await cluster.change<CronJob>(`${path}/status`, ({ status }) => {
        status.lastScheduleTime = times[1] ?? '';
      });
      assert.equal(updated.status.lastScheduleTime, times[1]);
      const read = await cluster.get<CronJob>(`${path}/status`);
      assert.equal(read.metadata.uid, created.metadata.uid);
      assert.equal(read.status.lastScheduleTime, times[1]);
    },
  });
});
