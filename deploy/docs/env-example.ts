import { groupedOptions, type Option } from "../../src/config/options.ts";
import { defaultInWords } from "../../src/config/render-help.ts";
import { wrap } from "../../src/config/wrap.ts";

const WIDTH = 96;

/**
 * The content of `.env.example`: every variable with its default, ready to be copied and changed.
 * Values stand without quotes where they can, so that `docker run --env-file` and systemd, which
 * keep quotes, read the same.
 */
export function renderEnvExample(): string {
  const sections = [...groupedOptions()].map(([heading, rows]) =>
    [`# ---- ${heading} ----`, ...rows.map(renderVariable)].join("\n\n"),
  );
  return `${[INTRODUCTION, ...sections].join("\n\n")}\n`;
}

const INTRODUCTION = `# Settings of video-device-plugin, each with its default. Copy this file to .env, change what you
# need and start the program with --env-file .env. The command line and the environment override
# what stands here; an empty value counts as not set.`;

function renderVariable(option: Option<unknown>): string {
  const { env, type, description } = option;
  const comment = `${description} Expected: ${type.expected}.${emptyMeans(option)}`;
  const lines = wrap(comment, WIDTH - 2).map((line) => `# ${line}`);
  return [...lines, `${env}=${quoteIfNeeded(option.default)}`].join("\n");
}

function emptyMeans(option: Option<unknown>): string {
  return option.defaultFrom === undefined ? "" : ` Empty: ${defaultInWords(option)}.`;
}

function quoteIfNeeded(value: string): string {
  return /^[^\s#'"`]*$/.test(value) ? value : `"${value}"`;
}
