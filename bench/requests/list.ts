// Lists of the first 500 of 5,000 Deployments of 4 KiB, as they are and compressed.
import { deployment, deployments } from '../objects.ts';
import type { RequestLoad } from './load.ts';

const stored = 5000;
const path = `${deployments}?limit=500`;

function prepare(): ReturnType<RequestLoad['prepare']> {
  return Array.from({ length: stored }, (_, index) => ({
    method: 'POST',
    path: deployments,
    body: deployment(`list-${index}`, ''),
  }));
}

export const list: RequestLoad = { prepare, request: () => ({ method: 'GET', path }) };

export const listCompressed: RequestLoad = {
  prepare,
  request: () => ({ method: 'GET', path, headers: { 'Accept-Encoding': 'gzip' } }),
};
