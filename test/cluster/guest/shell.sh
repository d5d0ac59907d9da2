# Runs the script that comes in, up to a zero byte; puts its exit code after what it prints.
export HOME=/root PATH=/story/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
IFS= read -r -d '' script
bash -c "$script" </dev/null 2>&1
printf '\nexit %s\n' $?
