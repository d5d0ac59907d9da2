import { program } from "../command.ts";
import type { CompletedCommand, CompletedFlag } from "./grammar.ts";

/** A completion script for fish 3. */
export function fishScript(commands: readonly CompletedCommand[]): string {
  return `# Completion of ${program} for fish, made by "${program} completion fish".
function __video_device_plugin_command
    set -l tokens (commandline -opc)
    if test (count $tokens) -lt 2; or string match -q -- '-*' $tokens[2]
        echo run
    else
        echo $tokens[2]
    end
end
function __video_device_plugin_is
    test (__video_device_plugin_command) = $argv[1]
end
function __video_device_plugin_devices
    for path in /dev/video*
        string replace -r '.*/' '' $path
    end
end
complete -c ${program} -f
${commands.map(({ name, summary }) => `complete -c ${program} -n 'test (count (commandline -opc)) -eq 1' -a ${name} -d ${quoted(summary)}`).join("\n")}
${commands.map(commandLines).join("\n")}
`;
}

function commandLines({ name, flags, words, devices }: CompletedCommand): string {
  const start = `complete -c ${program} -n '__video_device_plugin_is ${name}'`;
  return [
    ...flags.map((flag) => `${start} ${flagArguments(flag)}`),
    ...(words.length > 0 ? [`${start} -a '${words.join(" ")}'`] : []),
    ...(devices ? [`${start} -a '(__video_device_plugin_devices)'`] : []),
  ].join("\n");
}

function flagArguments({ flag, description, takesValue, choices }: CompletedFlag): string {
  const value = choices.length > 0 ? ` -x -a '${choices.join(" ")}'` : takesValue ? " -r -F" : "";
  return `-l ${flag.replace(/^--/, "")}${value} -d ${quoted(description)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
