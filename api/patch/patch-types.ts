// Media types of the patches that Kubernetes knows.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply

export const patchTypes = {
  apply: 'application/apply-patch+yaml',
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;
