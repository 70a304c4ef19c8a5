// Conformance tests that need only the API server and controllers and that are
// not tried, because they need something that is out of scope here; one reason
// for each group. docs/conformance.md lists them beside those that are.

type NotCovered = { reason: string; tests: readonly string[] };

export const notCovered: readonly NotCovered[] = [
  {
    reason:
      'needs expressions of a ValidatingAdmissionPolicy or MutatingAdmissionPolicy to be evaluated; they are stored and served only',
    tests: [
      '[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should mutate a Deployment [Conformance]',
      '[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should mutate a Deployment with annotations [Conformance]',
      '[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should allow expressions to refer variables. [Conformance]',
      '[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should validate against a Deployment [Conformance]',
    ],
  },
];
