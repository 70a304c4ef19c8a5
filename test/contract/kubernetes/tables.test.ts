// Server-side tables, where there can be none.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
import { conformance } from './support/conformance.ts';

conformance(
  '[sig-api-machinery] Servers with support for Table transformation should return a 406 for a backend which does not implement metadata [Conformance]',
  async (cluster) => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { nonResourceAttributes: { path: '/', verb: 'get' } },
    };
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    await cluster.refused(406, 'NotAcceptable', 'POST', path, { body, headers });
    // It is the form of the answer that is refused, not the review.
    await cluster.create(path, body);
  },
);
