// Files in a hub's data directory that commands on the same machine read.

/** Kubeconfig of the administrator. */
export const adminKubeconfigFile = 'admin.kubeconfig';
/** Address of the broker, `mqtts://HOST:PORT`: a kubeconfig knows nothing of brokers. */
export const mqttUrlFile = 'mqtt-url';
