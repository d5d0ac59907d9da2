import { program } from "../command.ts";
import type { CompletedCommand } from "./grammar.ts";

/** A completion script for bash 4.4 and later. */
export function bashScript(commands: readonly CompletedCommand[]): string {
  return `# Completion of ${program} for bash, made by "${program} completion bash".
_video_device_plugin() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local command=\${COMP_WORDS[1]} flags='' words='' choices='' path
  COMPREPLY=()
  # bash takes --flag=value for three words
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  if (( COMP_CWORD == 1 )) || [[ $command == -* ]]; then
    command=run
  fi
  case $command in
${commands.map(commandCase).join("\n")}
  esac
  if [[ -n $choices ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
    return
  fi
  if (( COMP_CWORD == 1 )); then
    words='${commands.map(({ name }) => name).join(" ")}'
  fi
  [[ $cur == -* ]] && words=$flags
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _video_device_plugin ${program}
`;
}

function commandCase({ name, flags, words, devices }: CompletedCommand): string {
  const valued = flags.filter(({ takesValue }) => takesValue);
  const counted = valued.filter(({ choices }) => choices.length > 0);
  const open = valued.filter(({ choices }) => choices.length === 0);
  const values = [
    ...counted.map(({ flag, choices }) => `        ${flag}) choices='${choices.join(" ")}' ;;`),
    ...(open.length === 0
      ? []
      : [`        ${open.map(({ flag }) => flag).join("|")}) compopt -o default; return ;;`]),
  ];
  return [
    `    ${name})`,
    `      flags='${flags.map(({ flag }) => flag).join(" ")}'`,
    ...(words.length > 0 ? [`      words='${words.join(" ")}'`] : []),
    ...(devices
      ? [`      for path in /dev/video[0-9]*; do [[ -e $path ]] && words+=" \${path##*/}"; done`]
      : []),
    ...(values.length > 0 ? ["      case $prev in", ...values, "      esac"] : []),
    "      ;;",
  ].join("\n");
}
