#!/bin/sh
# Slurm epilog: removes the job's mark, and appends one line to the job's output:
# what it used of what it was given.
#
#   slurm.conf:  Epilog=/etc/slurm/epilog.d/*   (or call it from the one you have)
#
# It never fails or delays a job: the line is made by a process of its own,
# after the agent has seen the job's end, under a time limit, and exit is 0. What
# is read is read as the owner of the windows and what is written is written as
# the job's user: never as root. docs/slurm.md.
PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH # Slurm starts hooks without one
marks=/run/nodemeter-jobs          # --collector.job-marks of nodemeterd
windows=/var/lib/nodemeter/windows # --windows.dir of nodemeterd
wait=3                             # seconds until the agent has recorded the end: two of its intervals
limit=10                           # seconds that making the line may take

mark="$marks/$SLURM_JOB_ID@$SLURMD_NODENAME"

# first prints the first node of a list such as n[01-04,7],m3: the one that ran
# the job's script, and so the one that appends the line.
first() {
  printf '%s' "$1" | sed -E 's/^([^[,]*)(\[([0-9]+)[^]]*\]([^,]*))?.*/\1\3\4/'
}

# output prints the path of the job's output. Slurm gives it with what stands for
# parts of it, such as %j, and knows the rest itself.
output() {
  to=$(printf '%s' "$SLURM_JOB_STDOUT" | sed "s/%j/$SLURM_JOB_ID/g")
  case $to in
  *%*) to=$(timeout -k 1 "$limit" scontrol -o show job "$SLURM_JOB_ID" | sed -n 's/.* StdOut=\([^ ]*\).*/\1/p') ;;
  esac
  case $to in
  /*) printf '%s' "$to" ;;
  ?*) printf '%s' "$SLURM_JOB_WORK_DIR/$to" ;;
  esac
}

line() {
  sleep "$wait"
  text=$(timeout -k 1 "$limit" setpriv --reuid "$(stat -c %u "$windows")" --regid "$(stat -c %g "$windows")" --clear-groups \
    nodemeter summary --job "$SLURM_JOB_ID" --format line ${1:+--from "@$(($1 - 60))"} "$windows") || return
  printf '%s\n' "$text" | timeout -k 1 "$limit" setpriv --reuid "$SLURM_JOB_UID" --regid "$SLURM_JOB_GID" --init-groups \
    sh -c 'test -f "$1" && exec cat >>"$1"' sh "$(output)"
}

if [ "$1" = detached ]; then
  line "$2" &
  exit 0
fi
[ -n "$SLURM_JOB_ID" ] || exit 0
start=$(sed -n 's/^start=\([0-9]*\).*/\1/p' "$mark" 2>/dev/null)
rm -f "$mark"
[ -n "$SLURM_JOB_STDOUT" ] && [ "$(first "$SLURM_NODELIST")" = "$SLURMD_NODENAME" ] &&
  setsid "$0" detached "$start" </dev/null >/dev/null 2>&1 # slurmd kills the group that this script leaves
exit 0
