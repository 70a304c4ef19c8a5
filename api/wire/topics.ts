// MQTT names. A node may publish and subscribe only below its own.

/** Frames from the agent. */
export function upTopic(peer: string): string {
  return `skerry/1/${peer}/up`;
}

/** Frames to the agent. */
export function downTopic(peer: string): string {
  return `skerry/1/${peer}/down`;
}

/** Asks an agent whether it is still there; answered on `aliveTopic` with the same payload. */
export function probeTopic(peer: string): string {
  return `skerry/1/${peer}/probe`;
}

export function aliveTopic(peer: string): string {
  return `skerry/1/${peer}/alive`;
}

/** Time within which an agent answers a probe. */
export const probeTimeoutMs = 4000;

/** User name of a connection that joins; the password is the join token's secret. */
export function joinUserName(tokenId: string): string {
  return `join:${tokenId}`;
}

/** User name of a device that has joined: its certificate says which node it is, this which board. */
export function deviceUserName(hardwareId: string): string {
  return `device:${hardwareId}`;
}

/** The board that a user name tells of, if it does. */
export function hardwareIdOfUser(userName: string | undefined): string | undefined {
  return userName?.startsWith('device:') === true ? userName.slice('device:'.length) : undefined;
}
