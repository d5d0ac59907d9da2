import { run } from "../image/run.ts";
import { binary } from "./paths.ts";

/** An object of the API, as much of it as tests look at. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  // biome-ignore lint/suspicious/noExplicitAny: objects of all kinds
  readonly spec: any;
  // biome-ignore lint/suspicious/noExplicitAny: objects of all kinds
  readonly status: any;
}

/** The cluster's own kubectl, as a user who may do everything. */
export class Kubectl {
  /** For other programs that ask the same cluster. */
  readonly env: Readonly<Record<string, string>>;

  constructor(kubeconfig: string, home: string) {
    this.env = { KUBECONFIG: kubeconfig, HOME: home };
  }

  /** @throws with what it printed if it fails. */
  run(args: readonly string[], input?: string): Promise<string> {
    const options = { env: this.env, ...(input !== undefined && { input }) };
    return run([binary("kubectl"), ...args], options);
  }

  /** Creates or changes objects, which may be of several documents. */
  async apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    await this.run(["apply", "-f", "-"], JSON.stringify(list));
  }

  async get(kind: string, name: string, namespace = "default"): Promise<ApiObject> {
    const args = ["get", kind, name, "-n", namespace, "-o", "json"];
    return JSON.parse(await this.run(args)) as ApiObject;
  }

  async list(kind: string, selector = "", namespace = "default"): Promise<ApiObject[]> {
    const args = [
      "get",
      kind,
      "-n",
      namespace,
      "-o",
      "json",
      ...(selector ? ["-l", selector] : []),
    ];
    return (JSON.parse(await this.run(args)) as { items: ApiObject[] }).items;
  }
}
