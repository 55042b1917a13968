#!/bin/sh
# Slurm prolog: leaves a mark for nodemeterd that says whose this job is.
#
#   slurm.conf:  Prolog=/etc/slurm/prolog.d/*   (or call it from the one you have)
#
# The agent finds jobs by itself, from their control groups. Without privileges
# it cannot read the environment of other users' processes; the mark tells it
# the user's and, where Slurm says them here, the job's name, partition, account
# and GPUs. Only root may write it, so no user can forge it. docs/slurm.md.
#
# It never fails or delays a job: one small file on a memory file system, exit 0.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH # Slurm starts hooks without one
umask 022
marks=/run/nodemeter-jobs # --collector.job-marks of nodemeterd

# say KEY VALUE: a value is one line, or it could say more than it is asked.
say() {
  [ -z "$2" ] || printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n\r' '  ' | cut -c 1-256)"
}

mark() {
  mkdir -p -m 0755 "$marks" || return
  new=$(mktemp "$marks/.XXXXXXXX") || return
  {
    say job "$SLURM_JOB_ID"
    say start "$(date +%s.%N)"
    say user "$SLURM_JOB_USER"
    say name "$SLURM_JOB_NAME"
    say partition "$SLURM_JOB_PARTITION"
    say account "$SLURM_JOB_ACCOUNT"
    say array_job "$SLURM_ARRAY_JOB_ID"
    say array_task "$SLURM_ARRAY_TASK_ID"
    say gpus "$SLURM_JOB_GPUS"
    # "16(x3)" is the same on all nodes; of "16,4(x2)" it is not said which is whose.
    case $SLURM_JOB_CPUS_PER_NODE in *,*) ;; *) say cpus "${SLURM_JOB_CPUS_PER_NODE%%[!0-9]*}" ;; esac
  } >"$new" && chmod 0644 "$new" && mv -f "$new" "$marks/$SLURM_JOB_ID@$SLURMD_NODENAME" || rm -f "$new"
}

[ -z "$SLURM_JOB_ID" ] || mark 2>/dev/null
exit 0
