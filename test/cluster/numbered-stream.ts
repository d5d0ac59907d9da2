import { imageName as busybox } from "../kubelet/image.ts";

/** What `frame-numbers check` says of a stream (test/node/frame-numbers.c). */
export interface FrameCount {
  readonly frames: number;
  readonly lost: number;
  readonly torn: number;
  readonly foreign: number;
}

/** Of the VM's own files: a pod of this image has only busybox. */
const libraries = "/opt/programs/usr/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu";
const ffmpeg = `/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 --library-path ${libraries} /opt/programs/usr/bin/ffmpeg -hide_banner -nostdin -loglevel error`;

/**
 * One ffmpeg feeds numbered frames into the camera, one a second, another reads them back, and frame-numbers says how
 * that goes. Why one a second: see `stream` in test/node/guest/node.sh. The container ends when the reader does.
 */
const script = (tenant: string) => `
echo device $VIDEO_DEVICE
frame-numbers write 160 120 1 ${tenant} | ${ffmpeg} -f rawvideo -pix_fmt yuyv422 -s 160x120 -r 1 -i - -f v4l2 $VIDEO_DEVICE &
while ! ${ffmpeg} -f v4l2 -i $VIDEO_DEVICE -frames:v 1 -f null -; do busybox sleep 1; done 2>/dev/null
${ffmpeg} -f v4l2 -i $VIDEO_DEVICE -fps_mode passthrough -f rawvideo - | frame-numbers check 160 120 ${tenant}
exit 1
`;

/** A Deployment of one pod that streams numbered frames through its camera, on a node of test/node. */
export function numberedStream(tenant: string, resource: string, nodeName: string): object {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: tenant },
    spec: {
      replicas: 1,
      // Its device is free only after its end.
      strategy: { type: "Recreate" },
      selector: { matchLabels: { app: tenant } },
      template: {
        metadata: { labels: { app: tenant } },
        spec: {
          nodeSelector: { "kubernetes.io/hostname": nodeName },
          terminationGracePeriodSeconds: 0,
          automountServiceAccountToken: false,
          securityContext: { runAsUser: 1000, runAsGroup: 1000 },
          volumes: [
            { name: "usr", hostPath: { path: "/usr" } },
            { name: "programs", hostPath: { path: "/opt/programs" } },
          ],
          containers: [
            {
              name: "camera",
              image: busybox,
              imagePullPolicy: "Never",
              env: [{ name: "PATH", value: "/usr/local/bin:/bin" }],
              command: ["/bin/busybox", "sh", "-c", script(tenant)],
              volumeMounts: [
                { name: "usr", mountPath: "/usr", readOnly: true },
                { name: "programs", mountPath: "/opt/programs", readOnly: true },
              ],
              // Without, it would get what other pods leave of an emulated CPU.
              resources: { requests: { cpu: "500m" }, limits: { [resource]: 1 } },
            },
          ],
        },
      },
    },
  };
}

/** What the stream's log said last, and which device the pod owns. */
export function readStream(log: string): { device: string; count: FrameCount } | undefined {
  const device = /^device (.+)$/m.exec(log)?.[1];
  const last = log.split("\n").findLast((line) => line.startsWith("{"));
  if (device === undefined || last === undefined) return undefined;
  return { device, count: JSON.parse(last) };
}
