// All surfaces, and how much of a run each gets. A new way to reach the API
// server is a file beside this one and a line here.
import type { Arbitrary } from 'fast-check';
import type { Input } from '../input.ts';
import type { World } from '../world.ts';
import { bombBodies, deletes, jsonBodies, namesInBodies, subresources, yamlBodies } from './bodies.ts';
import { connections, webSockets } from './connections.ts';
import { headers } from './headers.ts';
import { patches } from './patches.ts';
import { protobufBodies } from './protobuf.ts';
import { continues, namesInPaths, paths, queries, revisions, selectors } from './targets.ts';

/** `chunk` is how many inputs come from one seed. */
export type Surface = { name: string; weight: number; chunk: number; inputs: Arbitrary<Input> };

const chunk = 100;
/** What takes long comes in few at a time. */
const smallChunk = 10;

/** The surfaces of a server that has these resources. Weights are of chunks. */
export function surfacesOf(world: World): Surface[] {
  return [
    { name: 'path', weight: 12, chunk, inputs: paths(world) },
    { name: 'query', weight: 8, chunk, inputs: queries(world) },
    { name: 'selector', weight: 6, chunk, inputs: selectors(world) },
    { name: 'continue', weight: 5, chunk, inputs: continues(world) },
    { name: 'resourceVersion', weight: 4, chunk, inputs: revisions(world) },
    { name: 'nameInPath', weight: 6, chunk, inputs: namesInPaths(world) },
    { name: 'nameInBody', weight: 8, chunk, inputs: namesInBodies(world) },
    { name: 'header', weight: 10, chunk, inputs: headers(world) },
    { name: 'json', weight: 14, chunk, inputs: jsonBodies(world) },
    { name: 'yaml', weight: 6, chunk, inputs: yamlBodies(world) },
    { name: 'protobuf', weight: 14, chunk, inputs: protobufBodies(world) },
    { name: 'patch', weight: 18, chunk, inputs: patches(world) },
    { name: 'delete', weight: 5, chunk, inputs: deletes(world) },
    { name: 'subresource', weight: 6, chunk, inputs: subresources(world) },
    { name: 'bomb', weight: 2, chunk, inputs: bombBodies(world, false) },
    { name: 'huge', weight: 0.4, chunk: smallChunk, inputs: bombBodies(world, true) },
    { name: 'websocket', weight: 6, chunk, inputs: webSockets(world) },
    { name: 'connection', weight: 6, chunk, inputs: connections() },
  ];
}
