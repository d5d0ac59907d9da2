# What a test's script may use inside the VM. Results leave by a serial port of their own, where no kernel
# message can come between them; report.ts reads them. A line is "kind<TAB>field<TAB>field...", and free
# text is base64. Files left in /log are handed over at the end without asking.

REPORT_PORT=/dev/ttyS1

# report KIND FIELD...: one line. The lock keeps background processes' lines apart.
report() {
  (
    flock 9
    IFS='	'
    printf '%s\n' "$*" >"$REPORT_PORT"
  ) 9>/run/report.lock
}

encoded() { printf '%s' "$1" | base64 -w 0; }

pass() { report check pass "$1" "$(encoded "${2:-}")"; }
fail() { report check fail "$1" "$(encoded "${2:-}")"; }

# check NAME COMMAND...: passes if the command exits 0; its output is the detail. The command runs in this
# shell, so it may be a function, or `wait`. Its exit code is the command's.
check() {
  local name=$1 log code=0
  shift
  log=$(mktemp)
  "$@" >"$log" 2>&1 || code=$?
  if [ "$code" = 0 ]; then
    pass "$name" "$(tail -c 8000 "$log")"
  else
    fail "$name" "exit code $code of: $*
$(tail -c 8000 "$log")"
  fi
  rm "$log"
  return "$code"
}

# value NAME TEXT: something for the host to judge.
value() { report value "$1" "$(encoded "$2")"; }

# put FILE [NAME]: hands over a whole file, under its base name by default.
put() {
  local name=${2:-${1##*/}}
  report file "$name"
  (
    flock 9
    base64 -w 3000 "$1" | sed "s|^|data	$name	|" >"$REPORT_PORT"
  ) 9>/run/report.lock
}

# wait_for SECONDS COMMAND...: repeats the command until it succeeds; 1 if it didn't in that time.
wait_for() {
  local end=$(($(cut -d. -f1 /proc/uptime) + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(cut -d. -f1 /proc/uptime)" -lt "$end" ] || return 1
    sleep 0.1
  done
}
