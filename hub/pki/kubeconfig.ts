// A kubeconfig with everything in it.
// https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/

export type KubeconfigOptions = { server: string; authority: string; certificate: string; key: string };

/** YAML text; certificates and key are PEM. */
export function formatKubeconfig({ server, authority, certificate, key }: KubeconfigOptions): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return `apiVersion: v1
kind: Config
current-context: skerry
clusters:
- name: skerry
  cluster:
    server: ${server}
    certificate-authority-data: ${base64(authority)}
users:
- name: skerry-admin
  user:
    client-certificate-data: ${base64(certificate)}
    client-key-data: ${base64(key)}
contexts:
- name: skerry
  context:
    cluster: skerry
    user: skerry-admin
`;
}
