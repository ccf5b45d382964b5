# Changes a device's settings for the time of a measurement, and changes them back.
#   sh tuning.sh apply SAVED SETTINGS CPU_KHZ GPU_HZ    SETTINGS: awake, performance, clocks, joined by commas; 0: the highest clock
#   sh tuning.sh restore SAVED
# SAVED holds the original value of a setting before it is changed, so that any later run of this script can restore it.
action=$1 saved=$2

restore() {
  [ -e "$saved" ] || return 0
  # Two passes: a lower limit cannot be set while the upper one is still below it, and the order of the lines is unknown.
  for pass in 1 2; do
    while read -r kind what value; do
      case $kind in
        file) printf '%s\n' "$value" 2>/dev/null > "$what" ;;
        global) if [ "$value" = null ]; then settings delete global "$what"; else settings put global "$what" "$value"; fi ;;
        performance) cmd power set-fixed-performance-mode-enabled false ;;
      esac
    done < "$saved"
  done >/dev/null 2>&1
  rm -f "$saved"
}

set_file() { # PATH VALUE
  [ -w "$1" ] || return 1
  printf 'file %s %s\n' "$1" "$(cat "$1")" >> "$saved"
  printf '%s\n' "$2" 2>/dev/null > "$1"
}

highest() { # WANTED CLOCKS...: the highest that is not above WANTED; of all where WANTED is 0
  wanted=$1 best=0
  shift
  for clock in "$@"; do
    [ "$clock" -gt "$best" ] && { [ "$wanted" = 0 ] || [ "$clock" -le "$wanted" ]; } && best=$clock
  done
  [ "$best" -gt 0 ] && echo "$best"
}

fix_clock() { # FOLDER MIN_FILE MAX_FILE CLOCK
  # The upper limit first where the clock goes up, else the lower one: neither may pass the other on the way.
  if [ "$4" -ge "$(cat "$1/$3")" ]; then set_file "$1/$3" "$4"; set_file "$1/$2" "$4"; else set_file "$1/$2" "$4"; set_file "$1/$3" "$4"; fi
  [ "$(cat "$1/$2")" = "$4" ] && [ "$(cat "$1/$3")" = "$4" ] || echo "refused: the clock of $1 cannot be fixed"
}

fix_clocks() { # CPU_KHZ GPU_HZ
  for folder in /sys/devices/system/cpu/cpu[0-9]*/cpufreq; do
    # Cores of a cluster share one set of files, which the first of them stands for.
    first=$(cut -d' ' -f1 "$folder/related_cpus" 2>/dev/null)
    number=${folder%/cpufreq} number=${number##*/cpu}
    [ -e "$folder/scaling_max_freq" ] && [ "${first:-$number}" = "$number" ] || continue
    clocks=$(cat "$folder/scaling_available_frequencies" 2>/dev/null || cat "$folder/cpuinfo_max_freq")
    clock=$(highest "$1" $clocks $(cat "$folder/cpuinfo_max_freq")) || { echo "refused: $folder has no clock as low as $1 kHz"; continue; }
    grep -qw performance "$folder/scaling_available_governors" 2>/dev/null && set_file "$folder/scaling_governor" performance
    fix_clock "$folder" scaling_min_freq scaling_max_freq "$clock"
  done
  for folder in /sys/class/kgsl/kgsl-3d0/devfreq /sys/class/devfreq/*gpu* /sys/class/devfreq/*mali*; do
    [ -e "$folder/max_freq" ] || continue
    clock=$(highest "$2" $(cat "$folder/available_frequencies" 2>/dev/null)) || { echo "refused: $folder has no clock as low as $2 Hz"; continue; }
    grep -qw performance "$folder/available_governors" 2>/dev/null && set_file "$folder/governor" performance
    fix_clock "$folder" min_freq max_freq "$clock"
  done
}

apply() { # SETTINGS CPU_KHZ GPU_HZ
  # A measurement that was killed left changed settings behind: the saved values are the original ones.
  restore
  case ,$1, in *,awake,*)
    if command -v svc >/dev/null && command -v settings >/dev/null; then
      printf 'global stay_on_while_plugged_in %s\n' "$(settings get global stay_on_while_plugged_in)" >> "$saved"
      svc power stayon true || echo 'refused: the screen cannot be kept on'
      input keyevent KEYCODE_WAKEUP 2>/dev/null
    fi
  esac
  case ,$1, in *,performance,*)
    printf 'performance - -\n' >> "$saved"
    cmd power set-fixed-performance-mode-enabled true >/dev/null || echo 'refused: no fixed performance mode'
  esac
  case ,$1, in *,clocks,*) fix_clocks "$2" "$3" ;; esac
}

case $action in
  apply) apply "$3" "$4" "$5" ;;
  restore) restore ;;
esac
exit 0
