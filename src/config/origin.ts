/** Where a value came from, the strongest first: a weaker source doesn't override a stronger one. */
export type Origin =
  | { readonly source: "flag" }
  | { readonly source: "environment"; readonly name: string }
  | {
      readonly source: "env_file";
      readonly name: string;
      readonly path: string;
      readonly line: number;
    }
  | { readonly source: "config_file"; readonly path: string }
  | { readonly source: "hostname" }
  | { readonly source: "default" };

/** An origin in words, to follow "from". */
export function describeOrigin(origin: Origin): string {
  switch (origin.source) {
    case "flag":
      return "the command line";
    case "environment":
      return `the environment variable ${origin.name}`;
    case "env_file":
      return `${origin.name} in ${origin.path}:${origin.line}`;
    case "config_file":
      return origin.path;
    case "hostname":
      return "the host's name";
    case "default":
      return "the default";
  }
}
