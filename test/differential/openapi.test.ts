// Both versions of OpenAPI against Kubernetes' own: every type's fields, what
// must be there, how lists merge, and every operation's parameters.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonObject } from '../../api/meta/object.ts';
import { openApiV2Json } from '../../hub/apiserver/openapi/v2.ts';
import { openApiDocument, openApiIndex } from '../../hub/apiserver/openapi/v3.ts';
import { readCases } from './cases.ts';
import { definitionFacts, type Fact, operationFacts } from './openapi-facts.ts';

/** What Kubernetes has and is not served here, by name, and why. */
const unserved: [RegExp, string][] = [
  [/ \/api\/v1\/watch\/| \/apis\/[^/]+\/v\d+\/watch\//, 'deprecated since 1.11: `?watch=true` does it'],
  [
    / \/apis?\/$| \/apis?\/.*\/v\d+\/$| \/api\/v\d+\/$| \/apis\/[^/]+\/$/,
    'discovery, which no client asks OpenAPI for',
  ],
  [/ \/(version|logs|openid|\.well-known)\//, 'of no group version'],
  [/\.meta\.v1\.(API\w+|GroupVersionForDiscovery|ServerAddressByClientCIDR)$|version\.Info$/, 'answers of discovery'],
  [/\.meta\.v1\.WatchEvent$/, 'only the deprecated watch paths name it'],
  [/\.meta\.v1\.GroupResource$/, 'only types of unserved versions name it'],
];

/** Parameters that change nothing here, and so are not promised. */
const unservedParameters = new Set([
  // Answers are never indented; kubectl indents them itself.
  'query pretty string',
  // Alpha features of 1.36.
  'query shardSelector string',
  'query stream string',
  // No object can be unreadable by itself: the store is checked as a whole.
  'query ignoreStoreReadErrorWithClusterBreakingPotential boolean',
]);

/** Informative: no client reads which fields exclude each other. */
const unservedExtension = 'x-kubernetes-unions';
/** Belongs to every group version there is; here to those that are served. */
const inEveryVersion = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
/** Kinds of which Kubernetes answers the deletion with the object; here, only pods, which end gracefully. */
const answersDeleted = /^DELETE .*\/\{name\}$/;

function asServed({ name, says }: Fact): JsonObject {
  const { [unservedExtension]: _unions, ...served } = says;
  if (name === inEveryVersion) delete served['x-kubernetes-group-version-kind'];
  if (answersDeleted.test(name)) delete served.response;
  if (Array.isArray(served.parameters))
    served.parameters = served.parameters.filter((parameter) => !unservedParameters.has(String(parameter)));
  return served;
}

const truth = readCases<Fact>('openapi.jsonl').filter(({ name }) => !unserved.some(([pattern]) => pattern.test(name)));

function factsOf(document: JsonObject): Map<string, Fact> {
  const facts = [...definitionFacts(document), ...operationFacts(document)];
  return new Map(facts.map((fact) => [fact.name, fact]));
}

function compare(title: string, ours: Map<string, Fact>): void {
  describe(title, () => {
    it('is compared as a whole', () => assert.ok(truth.length > 900, `${truth.length} facts`));
    for (const fact of truth) {
      it(fact.name, () => {
        const own = ours.get(fact.name);
        assert.ok(own !== undefined, 'not there');
        assert.deepEqual(asServed(own), asServed(fact));
      });
    }
    it('has no types and operations of its own, but those of metrics', () => {
      const known = new Set(truth.map(({ name }) => name));
      const extra = [...ours.keys()].filter((name) => !known.has(name) && !name.includes('metrics'));
      assert.deepEqual(extra, []);
    });
  });
}

compare('version 2', factsOf(JSON.parse(openApiV2Json('v1.36')) as JsonObject));

const { paths } = openApiIndex() as { paths: Record<string, unknown> };
const documents = Object.keys(paths).map((path) => JSON.parse(openApiDocument(path) ?? '{}') as JsonObject);
compare('version 3', new Map(documents.flatMap((document) => [...factsOf(document)])));
