# What a story of a node may use, beside lib.sh.
export HOME=/root
stty -F "$REPORT_PORT" raw -echo
booted=$(cut -d' ' -f1 /proc/uptime)
report boot "$booted"

# finish: hands the logs over and powers off.
finish() {
  journalctl --no-pager -o short-monotonic >/run/journal 2>&1
  dmesg >/run/dmesg
  put /run/journal
  put /run/dmesg
  report uptime "$(cut -d' ' -f1 /proc/uptime)"
  report exit 0
  sync
  poweroff -f
}
trap finish EXIT
