# Carries out one phase on the device by itself: changes the settings, runs the runner, changes the settings back.
#   sh supervise.sh SAVED SETTINGS CPU_KHZ GPU_HZ WAY JOURNAL RUNNER...    in the phase's folder; WAY: of becoming root for the settings (root.sh)
# The file "exit" holds "running", and at the end the runner's exit status, or 5 where a setting could not be had. It is made at the start,
# because later the storage may be full. What came of the settings is in the journal.
saved=$1 settings=$2 cpu_khz=$3 gpu_hz=$4 way=$5 journal=$6
shift 6
runner=
refused=5
. ./root.sh
trap '[ -n "$runner" ] && kill -TERM "$runner"' TERM
trap '' HUP
printf 'running\n' > exit

tune() { # ACTION...
  into=settings.log
  # Where the storage was full, the journal ends in the middle of a line.
  [ -z "$(tail -c 1 "$journal" 2>/dev/null)" ] && into=$journal
  as_root "$way" sh "$PWD/tuning.sh" "$@" >> "$into" 2>> settings.log
}

if [ -n "$settings" ] || [ -e "$saved" ]; then
  # Restores in this script's place if it is killed.
  ( trap '' HUP TERM; while [ -d /proc/$$ ]; do sleep 1; done; [ -e restored ] || as_root "$way" sh "$PWD/tuning.sh" restore "$saved" ) >/dev/null 2>&1 &
  if ! tune apply "$saved" "$settings" "$cpu_khz" "$gpu_hz" "$PWD/held"; then
    tune restore "$saved"
    : > restored
    sed -n 's/.*"moment":"made","name":"\([^"]*\)","wanted":"\([^"]*\)","found":"\([^"]*\)","holds":false.*/\1: \2 was asked for (\3)/p' "$journal" | tail -n 1
    printf '%s\n' "$refused" > exit
    exit "$refused"
  fi
fi

"$@" &
runner=$!
printf '%s\n' "$runner" > runner.pid
wait "$runner"
status=$?
# A signal ends the wait, not the runner.
while [ -d "/proc/$runner" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$runner/status" 2>/dev/null; do
  wait "$runner"
  status=$?
done
[ -e "$saved" ] && tune restore "$saved"
: > restored
printf '%s\n' "$status" > exit
exit "$status"
