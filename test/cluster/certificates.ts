import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeName } from "../kubelet/paths.ts";
import { ports, vmHostAddress, vmNodeName } from "./paths.ts";

/** Who a certificate is for (https://kubernetes.io/docs/setup/best-practices/certificates/). */
const subjects = {
  apiserver: "/CN=kube-apiserver",
  admin: "/O=system:masters/CN=admin",
  "controller-manager": "/CN=system:kube-controller-manager",
  scheduler: "/CN=system:kube-scheduler",
  kubelet: `/O=system:nodes/CN=system:node:${nodeName}`,
  "vm-kubelet": `/O=system:nodes/CN=system:node:${vmNodeName}`,
} as const;
export type Client = Exclude<keyof typeof subjects, "apiserver">;

/** The service IP range's first address is the API server's own. */
export const serviceRange = "10.96.0.0/16";
const names = {
  apiserver: `IP:127.0.0.1,IP:10.96.0.1,IP:${vmHostAddress},DNS:localhost,DNS:kubernetes.default.svc`,
  kubelet: `DNS:${nodeName}`,
  "vm-kubelet": `DNS:${vmNodeName}`,
} as const;

/** The certificates and kubeconfigs of a cluster, as files in one directory. */
export class Certificates {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  file(name: string): string {
    return join(this.#directory, name);
  }

  kubeconfig(client: Client): string {
    return this.file(`${client}.kubeconfig`);
  }

  /** Writes all of them, for a day. */
  create(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    this.#openssl([
      "req",
      "-x509",
      ...newKey("ca"),
      "-days",
      "1",
      "-subj",
      "/CN=ca",
      "-out",
      "ca.crt",
    ]);
    for (const [name, subject] of Object.entries(subjects)) this.#issue(name, subject);
    this.#openssl(["genrsa", "-out", "service-account.key", "2048"]);
    this.#openssl(["rsa", "-in", "service-account.key", "-pubout", "-out", "service-account.pub"]);
  }

  #issue(name: string, subject: string): void {
    const alternatives = names[name as keyof typeof names];
    this.#openssl(["req", ...newKey(name), "-subj", subject, "-out", `${name}.csr`]);
    writeFileSync(this.file(`${name}.ext`), alternatives ? `subjectAltName=${alternatives}\n` : "");
    const authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1"];
    const files = ["-in", `${name}.csr`, "-extfile", `${name}.ext`, "-out", `${name}.crt`];
    this.#openssl(["x509", "-req", ...authority, ...files]);
    if (name === "apiserver") return;
    const data = (file: string) => readFileSync(this.file(file)).toString("base64");
    const server = name === "vm-kubelet" ? vmHostAddress : "127.0.0.1";
    const kubeconfig = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "vdp",
      contexts: [{ name: "vdp", context: { cluster: "vdp", user: name } }],
      clusters: [
        {
          name: "vdp",
          cluster: {
            server: `https://${server}:${ports.api}`,
            "certificate-authority-data": data("ca.crt"),
          },
        },
      ],
      users: [
        {
          name,
          user: {
            "client-certificate-data": data(`${name}.crt`),
            "client-key-data": data(`${name}.key`),
          },
        },
      ],
    };
    writeFileSync(this.file(`${name}.kubeconfig`), JSON.stringify(kubeconfig));
  }

  #openssl(args: readonly string[]): void {
    const { exitCode, stderr } = Bun.spawnSync(["openssl", ...args], { cwd: this.#directory });
    if (exitCode !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
  }
}

/** Options of `openssl req` for an unencrypted key of its own, on the curve P-256. */
function newKey(name: string): string[] {
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  return [...curve, "-nodes", "-keyout", `${name}.key`];
}
