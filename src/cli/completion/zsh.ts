import { program } from "../command.ts";
import type { CompletedCommand, CompletedFlag } from "./grammar.ts";

/** A completion script for zsh 5, for a file `_video-device-plugin` in `$fpath` or for `source`. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  return `#compdef ${program}
# Completion of ${program} for zsh, made by "${program} completion zsh".
_video-device-plugin() {
  local -a commands candidates
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join("\n")}
  )
  local command=run
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe -t commands command commands
    return
  elif [[ $words[2] != -* ]]; then
    command=$words[2]
    shift words
    (( CURRENT-- ))
  fi
  case $command in
${commands.map(commandCase).join("\n")}
  esac
}
if [[ $funcstack[1] == _video-device-plugin ]]; then
  _video-device-plugin "$@"
else
  # A zsh whose .zshrc doesn't call compinit has no compdef. -i leaves insecure directories out, -D writes no dump file.
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i -D }
  compdef _video-device-plugin ${program}
fi
`;
}

function commandCase({ name, flags, words, devices }: CompletedCommand): string {
  const candidates = [...words, ...(devices ? ["/dev/video<->(N:t)"] : [])];
  const lines = [
    ...(candidates.length > 0 ? [`      candidates=(${candidates.join(" ")})`] : []),
    "      _arguments -S \\",
    ...flags.map((flag) => `        ${argument(flag)} \\`),
    candidates.length > 0
      ? `        "*:${devices ? "device" : "word"}:($candidates)"`
      : "        ':: :'",
  ];
  return [`    ${name})`, ...lines, "      ;;"].join("\n");
}

function argument({ flag, description, takesValue, choices }: CompletedFlag): string {
  const value = choices.length > 0 ? `(${choices.join(" ")})` : "_files";
  const text = description.replace(/[[\]\\]/g, "\\$&");
  return quoted(takesValue ? `${flag}=[${text}]:value:${value}` : `${flag}[${text}]`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
