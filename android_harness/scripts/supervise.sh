# Carries out one phase on the device by itself: changes the settings, runs the runner, changes the settings back.
#   sh supervise.sh SAVED SETTINGS CPU_KHZ GPU_HZ SU RUNNER...    in the phase's folder; SU: "su 0" where the shell is not root, or empty
# The file "exit" holds "running", and at the end the runner's exit status. It is made at the start, because later the storage may be full.
saved=$1 settings=$2 cpu_khz=$3 gpu_hz=$4 su=$5
shift 5
runner=
trap '[ -n "$runner" ] && kill -TERM "$runner"' TERM
trap '' HUP
printf 'running\n' > exit

if [ -n "$settings" ] || [ -e "$saved" ]; then
  $su sh ./tuning.sh apply "$saved" "$settings" "$cpu_khz" "$gpu_hz" > settings.log 2>&1
  # Restores in this script's place if it is killed.
  ( trap '' HUP TERM; while [ -d /proc/$$ ]; do sleep 1; done; [ -e restored ] || $su sh ./tuning.sh restore "$saved" ) >/dev/null 2>&1 &
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
[ -e "$saved" ] && $su sh ./tuning.sh restore "$saved"
: > restored
printf '%s\n' "$status" > exit
