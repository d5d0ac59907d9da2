import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Shell = "bash" | "zsh" | "fish";

/** The completions of a real shell for a command line with the cursor at its end, sorted. */
export function offers(shell: Shell, script: string, line: string): string[] {
  const dir = mkdtempSync(join(tmpdir(), "vdp-completion-"));
  try {
    const path = join(dir, "script");
    writeFileSync(path, script);
    const program = PROGRAMS[shell];
    const { stdout, stderr } = Bun.spawnSync([shell, ...program(path, line)], {
      cwd: dir,
      env: { PATH: process.env["PATH"] ?? "", HOME: dir, TERM: "dumb", LC_ALL: "C.UTF-8" },
      timeout: 10_000,
    });
    if (stderr.toString() !== "") throw new Error(`${shell}: ${stderr.toString()}`);
    const lines = stdout.toString().split(/\r?\n/);
    return [...new Set(lines.map((text) => text.split("\t")[0]?.trim() ?? ""))]
      .filter(Boolean)
      .sort();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const PROGRAMS: Readonly<Record<Shell, (path: string, line: string) => string[]>> = {
  // bash splits words at = as well.
  bash: (path, line) => {
    const words = line.split(/ |(?<==)|(?==)/);
    const quoted = words.map((word) => `'${word}'`).join(" ");
    return [
      "--norc",
      "-c",
      `compopt() { echo files; }; source ${path}; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; ` +
        `_video_device_plugin; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ];
  },
  // A zsh without compinit, as the script has to do with that. A pseudo-terminal for it, and a key that completes and prints when it is done: input during a completion would
  // end it.
  zsh: (path, line) => [
    "-f",
    "-c",
    `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1='' PROMPT='' ; stty -echo cols 200 rows 200; unset zle_bracketed_paste; source ${path}"
zpty -w z "compadd() { [[ \\$* == *-[OAD]\\ * ]] && builtin compadd \\"\\$@\\" && return; local -a hits; builtin compadd -O hits \\"\\$@\\"; print -rl -- 'hit '\\$^hits; builtin compadd \\"\\$@\\"; }"
zpty -w z "complete-and-print() { zle complete-word; print fin""ished; }; zle -N complete-and-print; bindkey '^T' complete-and-print"
zpty -w z 'echo rea""dy'
while zpty -r z reply; do [[ $reply == *ready* ]] && break; done
zpty -w -n z ${JSON.stringify(line)}$'\\x14'
while zpty -r z reply; do
  [[ $reply == *finished* ]] && break
  [[ $reply == *hit\\ * ]] && print -r -- \${reply#*hit }
done
zpty -d z`,
  ],
  fish: (path, line) => ["--no-config", "-c", `source ${path}; complete -C '${line}'`],
};
