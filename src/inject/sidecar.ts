/** What Breakwater is in a pod: an init container that keeps running, and the volume with its configuration. */

export const CONTAINER = 'breakwater';
export const VOLUME = 'breakwater-config';
export const SOCKET_VOLUME = 'breakwater-admin';
export const FILE = 'breakwater.yaml';
const FOLDER = '/etc/breakwater';
/** In an image made by the Dockerfile. */
const USER = 65_532;

export interface SidecarOptions {
  readonly image: string;
  /** Where metrics and health are. */
  readonly port: number;
  /** Whose keys are variables of the environment. */
  readonly secret: string | undefined;
  /** Of the socket of `admin.listen`, if it is one. */
  readonly socketFolder: string | undefined;
}

export function sidecar({ image, port, secret, socketFolder }: SidecarOptions) {
  const probe = (path: string) => ({ httpGet: { path, port: CONTAINER } });
  return {
    name: CONTAINER,
    image,
    // What makes an init container a sidecar.
    restartPolicy: 'Always',
    args: ['run', '--config', `${FOLDER}/${FILE}`],
    ...(secret === undefined ? {} : { envFrom: [{ secretRef: { name: secret } }] }),
    ports: [{ name: CONTAINER, containerPort: port }],
    // The next container starts once the listeners are open.
    startupProbe: { ...probe('/readyz'), periodSeconds: 1, failureThreshold: 30 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 5, timeoutSeconds: 2 },
    // A sidecar that drains is not ill.
    livenessProbe: {
      ...probe('/healthz'),
      periodSeconds: 10,
      timeoutSeconds: 3,
      failureThreshold: 3,
    },
    securityContext: {
      runAsUser: USER,
      runAsGroup: USER,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    // The folder: a file that is mounted by itself never changes.
    volumeMounts: [
      { name: VOLUME, mountPath: FOLDER, readOnly: true },
      ...(socketFolder === undefined ? [] : [{ name: SOCKET_VOLUME, mountPath: socketFolder }]),
    ],
  };
}

export const volume = (configMap: string) => ({ name: VOLUME, configMap: { name: configMap } });

/** Its file system is read-only. Only the sidecar mounts this. */
export const socketVolume = () => ({
  name: SOCKET_VOLUME,
  emptyDir: { medium: 'Memory', sizeLimit: '1Mi' },
});
