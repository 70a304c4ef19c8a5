// Reads of a Deployment of 4 KiB.
import { deployment, deployments } from '../objects.ts';
import type { RequestLoad } from './load.ts';

export const get: RequestLoad = {
  prepare: () => [{ method: 'POST', path: deployments, body: deployment('read', '') }],
  request: () => ({ method: 'GET', path: `${deployments}/read` }),
};
