// The bill of materials of an executable, in CycloneDX: Node, and the packages
// of which code is inside (https://cyclonedx.org/docs/1.6/json/).
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import type { BundledPackage } from './bundled.ts';
import type { NodeBase } from './node-base.ts';

export type SbomInput = {
  /** Name of the executable's file. */
  name: string;
  version: string;
  /** Hexadecimal. */
  sha256: string;
  license: string;
  node: NodeBase;
  packages: readonly BundledPackage[];
};

function licensesOf(expression: string | undefined): Models.LicenseRepository {
  if (expression === undefined) return new Models.LicenseRepository();
  const isOne = !/[() ]/.test(expression);
  const license = isOne ? new Models.SpdxLicense(expression) : new Models.LicenseExpression(expression);
  return new Models.LicenseRepository([license]);
}

function npmComponent({ name, version, integrity, license }: Omit<BundledPackage, 'path'>): Models.Component {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const sha512 = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex');
  const [group, ownName] = name.startsWith('@') ? name.split('/') : [undefined, name];
  return new Models.Component(Enums.ComponentType.Library, ownName ?? name, {
    ...(group === undefined ? {} : { group }),
    version,
    purl,
    bomRef: purl,
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm['SHA-512'], sha512]]),
    licenses: licensesOf(license),
  });
}

/** The document, the same for the same input. */
export function sbomOf({ name, version, sha256, license, node, packages }: SbomInput): string {
  const program = new Models.Component(Enums.ComponentType.Application, name, {
    version,
    bomRef: name,
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], sha256]]),
    licenses: licensesOf(license),
  });
  const base = npmComponent({ ...node, license: 'MIT' });
  base.type = Enums.ComponentType.Platform;
  const parts = [base, ...packages.map(npmComponent)];
  for (const part of parts) program.dependencies.add(part.bomRef);
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: program }),
    components: new Models.ComponentRepository(parts),
  });
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}
