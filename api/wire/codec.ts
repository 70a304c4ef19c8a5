// Frames as bytes: msgpack, deflated with a dictionary of the words that
// Kubernetes objects are made of. The first byte says how.
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Packr } from 'msgpackr';
import { isJsonObject } from '../meta/object.ts';
import type { DownFrame, UpFrame } from './frames.ts';
import { maxFrameBytes, maxInflatedBytes } from './limits.ts';

export class FrameError extends Error {}

const plain = 0x10;
const deflated = 0x11;
/** Below this size deflating costs more than it saves. */
const deflateFromBytes = 64;
/** From this size on the beginning of a frame says whether the rest will shrink: files and TLS do not. */
const probeFromBytes = 8 << 10;
const probeBytes = 1 << 10;
/** Pieces of streams come by the megabyte: a third of the time for hardly more bytes. */
const streamLevel = 1;

// Most frequent words last: deflate finds near matches cheaper. Changing this text needs a new frame byte.
const dictionary = Buffer.from(
  'hostIPspodIPsqosClassBestEffortBurstablephasePendingRunningSucceededFailed' +
    'terminationMessagePathterminationMessagePolicy/dev/termination-logFileimagePullPolicyIfNotPresentAlways' +
    'node.kubernetes.io/not-readynode.kubernetes.io/unreachableNoExecuteoperatorExistskeyeffecttolerations' +
    'enableServiceLinkspreemptionPolicyPreemptLowerPriorityschedulerNamedefault-schedulersecurityContext' +
    'serviceAccountNameserviceAccountdefaultrestartPolicydnsPolicyClusterFirstterminationGracePeriodSeconds' +
    'ownerReferencesapps/v1ReplicaSetblockOwnerDeletioncontrollerapiVersionpod-template-hashcreationTimestamp' +
    'containersnameimageresourceslimitsrequestscpumemoryportscontainerPortprotocolTCPenvvaluecommandargs' +
    'volumesvolumeMountsmountPathconfigMapsecretdefaultModeemptyDirhostPathnodeNamepriority' +
    'conditionslastProbeTimelastTransitionTimePodReadyToStartContainersInitializedReadyContainersReadyPodScheduledstatusTrueFalse' +
    'containerStatusescontainerIDdocker://imageIDlastStatereadyrestartCountstartedstaterunningstartedAtwaitingreasonterminatedexitCodefinishedAt' +
    'metadatalabelsannotationsnamespaceuidspectypereportseqitemskindpodstatussyncupsertsdeletesdigestmorepods/default/',
);

const packr = new Packr({ useRecords: false, int64AsType: 'number' });

function shrinks(packed: Uint8Array): boolean {
  if (packed.length < probeFromBytes) return true;
  const probe = deflateRawSync(packed.subarray(0, probeBytes), { dictionary, level: streamLevel });
  return probe.length < probeBytes * 0.9;
}

/** @throws FrameError when the frame is too large */
export function encodeFrame(frame: UpFrame | DownFrame): Uint8Array {
  const packed = packr.pack(frame);
  const asIs = packed.length < deflateFromBytes || !shrinks(packed);
  const level = frame.type === 'data' ? { level: streamLevel } : {};
  const body = asIs ? packed : deflateRawSync(packed, { dictionary, ...level });
  if (body.length >= maxFrameBytes)
    throw new FrameError(`a ${frame.type} frame of ${body.length} bytes is over the limit of ${maxFrameBytes}`);
  return Buffer.concat([Buffer.of(asIs ? plain : deflated), body]);
}

/** @throws FrameError when the bytes are no frame */
export function decodeFrame<T extends UpFrame | DownFrame>(bytes: Uint8Array): T {
  if (bytes.length > maxFrameBytes)
    throw new FrameError(`a frame of ${bytes.length} bytes is over the limit of ${maxFrameBytes}`);
  const [first] = bytes;
  if (first !== plain && first !== deflated) throw new FrameError(`a frame of an unknown version: first byte ${first}`);
  try {
    const body = bytes.subarray(1);
    const frame: unknown = packr.unpack(
      first === plain ? body : inflateRawSync(body, { dictionary, maxOutputLength: maxInflatedBytes }),
    );
    if (isJsonObject(frame) && typeof frame.type === 'string') return frame as T;
  } catch (error) {
    throw new FrameError(`a damaged frame: ${(error as Error).message}`, { cause: error });
  }
  throw new FrameError('a frame without a type');
}
