// Generates test/differential/cases by running Kubernetes' own Go code: the
// program in scripts/oracle, compiled against the sources that Debian ships.
// Needs Go (golang-go) and apt; nothing is fetched but Debian's packages.
// Usage: node scripts/generate-patch-cases.ts [--sources DIR]   (DIR is a GOPATH's src with k8s.io in it)
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fetchGoSources } from './debian-packages.ts';

/** What the oracle imports, and what that needs to compile. */
const debianPackages = [
  ...['api', 'apimachinery', 'client-go', 'klog', 'kube-openapi', 'streaming', 'utils'].map((name) => `k8s-${name}`),
  ...['json', 'randfill', 'structured-merge-diff-v6', 'yaml'].map((name) => `k8s-sigs-${name}`),
  ...['davecgh-go-spew', 'fxamacker-cbor', 'go-logr-logr', 'go-openapi-jsonpointer', 'go-openapi-jsonreference'].map(
    (name) => `github-${name}`,
  ),
  ...['go-openapi-swag', 'gogo-protobuf', 'golang-protobuf-1-5', 'google-gnostic-models', 'google-go-cmp'].map(
    (name) => `github-${name}`,
  ),
  ...['google-uuid', 'josharian-intern', 'json-iterator-go', 'mailru-easyjson', 'modern-go-concurrent'].map(
    (name) => `github-${name}`,
  ),
  ...['modern-go-reflect2', 'munnerz-goautoneg', 'spf13-pflag', 'x448-float16', 'emicklei-go-restful'].map(
    (name) => `github-${name}`,
  ),
  ...['net', 'oauth2', 'sys', 'term', 'text', 'time'].map((name) => `golang-x-${name}`),
  'google-protobuf',
  'gopkg-inf.v0',
  'gopkg-yaml.v2',
  'gopkg-yaml.v3',
].map((name) => `golang-${name}-dev`);

async function main(): Promise<void> {
  const flag = process.argv.indexOf('--sources');
  const sources = flag > 0 ? (process.argv[flag + 1] ?? '') : await fetchGoSources(debianPackages);
  const work = mkdtempSync(join(tmpdir(), 'skerry-oracle-'));
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
  cpSync(join(import.meta.dirname, 'oracle'), join(work, 'src/skerry/oracle'), { recursive: true });
  const cases = join(import.meta.dirname, '../test/differential/cases');
  mkdirSync(cases, { recursive: true });
  const environment = {
    ...process.env,
    GO111MODULE: 'off',
    GOPROXY: 'off',
    GOFLAGS: '',
    CGO_ENABLED: '0',
    GOPATH: `${work}:${dirname(sources)}`,
    GOCACHE: process.env.GOCACHE ?? join(homedir(), '.cache/go-build'),
  };
  const program = join(work, 'oracle');
  execFileSync('go', ['build', '-o', program, 'skerry/oracle'], { env: environment, stdio: 'inherit' });
  execFileSync(program, [cases], { env: environment, stdio: 'inherit' });
}

await main();
