import { readFileSync } from "node:fs";
import Ajv, { type ValidateFunction } from "ajv";
import { YAML } from "bun";
import type { KubernetesObject } from "../support/manifests.ts";
import { customResourceFiles, type KubernetesVersion, schemaPath } from "./tools.ts";

type Schema = Record<string, unknown>;

interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** The errors of an object; empty if it is valid. */
export type Check = (object: KubernetesObject) => string[];

/**
 * A check against the API of a Kubernetes version, and the custom resources. An unknown field is an error, although an
 * API server may only warn about it, as it has no effect.
 */
export function checkerOf(version: KubernetesVersion): Check {
  const swagger = JSON.parse(readFileSync(schemaPath(`kubernetes-${version}.json`), "utf8"));
  const definitions: Record<string, Schema> = swagger.definitions;
  const strict = Object.fromEntries(
    Object.entries(definitions).map(([name, schema]) => [name, strictly(schema, name)]),
  );
  const byKind = new Map<string, string>();
  for (const [name, schema] of Object.entries(definitions)) {
    const kinds = (schema["x-kubernetes-group-version-kind"] ?? []) as Kind[];
    // A schema of several kinds is one like DeleteOptions.
    if (kinds.length !== 1) continue;
    for (const kind of kinds) byKind.set(key(kind), name);
  }
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
  ajv.addSchema({ $id: "kubernetes", definitions: strict });
  for (const { kind, schema } of customResources()) {
    ajv.addSchema(strictly(schema, key(kind)), key(kind));
    byKind.set(key(kind), "");
  }
  return (object) => {
    const wanted = key(kindOf(object));
    const name = byKind.get(wanted);
    if (name === undefined) return [`Kubernetes ${version} has no ${wanted}`];
    const validate = ajv.getSchema(name === "" ? wanted : `kubernetes#/definitions/${name}`);
    return validate === undefined ? [`no schema of ${wanted}`] : problems(validate, object);
  };
}

function problems(validate: ValidateFunction, object: KubernetesObject): string[] {
  const isRight: unknown = validate(object);
  if (isRight === true) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    const more = "additionalProperty" in params ? `: ${params["additionalProperty"]}` : "";
    return `${object.kind} ${object.metadata.name}${instancePath} ${message}${more}`;
  });
}

/** The newest version of each kind that the custom resource definitions serve. */
function customResources(): { kind: Kind; schema: Schema }[] {
  return customResourceFiles.map((file) => {
    const definition = YAML.parse(readFileSync(schemaPath(file), "utf8")) as {
      spec: {
        group: string;
        names: { kind: string };
        versions: { name: string; schema: { openAPIV3Schema: Schema } }[];
      };
    };
    const { group, names, versions } = definition.spec;
    const [{ name: version, schema }] = versions as [(typeof versions)[0]];
    return { kind: { group, version, kind: names.kind }, schema: schema.openAPIV3Schema };
  });
}

/**
 * Converts an OpenAPI schema to a JSON Schema that allows only the named fields. References become those of the schema
 * `kubernetes`.
 */
function strictly(schema: Schema, name: string): Schema {
  // Kubernetes accepts numbers for some strings: cpu: 1.
  if (name.endsWith("api.resource.Quantity")) return { type: ["string", "number"] };
  return convert(schema) as Schema;
}

function convert(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(convert);
  if (value === null || typeof value !== "object") return value;
  const schema = value as Schema;
  if (schema["x-kubernetes-int-or-string"] === true || schema["format"] === "int-or-string") {
    return { type: ["integer", "string"] };
  }
  const converted: Schema = {};
  for (const [word, inside] of Object.entries(schema)) {
    if (word === "properties") {
      converted[word] = Object.fromEntries(
        Object.entries(inside as Schema).map(([name, one]) => [name, convert(one)]),
      );
    } else if (word === "$ref") {
      converted[word] = `kubernetes${inside}`;
    } else if (word === "pattern") {
      // Go's flag for any case, which JavaScript lacks: only lower case matches then.
      converted[word] = String(inside).replaceAll("(?i)", "");
    } else if (word !== "format" && word !== "default" && word !== "example") {
      converted[word] = convert(inside);
    }
  }
  const isOpen =
    "additionalProperties" in schema || schema["x-kubernetes-preserve-unknown-fields"] === true;
  if ("properties" in schema && !isOpen) converted["additionalProperties"] = false;
  return converted;
}

function kindOf({ apiVersion, kind }: KubernetesObject): Kind {
  const [version = "", group = ""] = apiVersion.split("/").reverse();
  return { group, version, kind };
}

function key({ group, version, kind }: Kind): string {
  return `${group}/${version} ${kind}`;
}
