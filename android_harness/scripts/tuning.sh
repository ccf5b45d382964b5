# Changes a device's settings for the time of a measurement, and changes them back.
#   sh tuning.sh apply SAVED SETTINGS CPU_KHZ GPU_HZ HELD    SETTINGS: awake, performance, clocks, joined by commas; 0: the highest clock
#   sh tuning.sh restore SAVED
#   sh tuning.sh try SAVED SETTINGS CPU_KHZ GPU_HZ HELD      changes them, and at once back
# SAVED holds the original value of a setting before it is changed, so that any later run of this script can restore it. HELD gets the files
# that were fixed, each with its number, so that the runner can tell whether they stay so.
# Prints a line of JSON on every setting, with what it was read back as: nothing is believed that was not. Fails where what is asked for
# cannot be had.
action=$1 saved=$2
failed=0

clean() { printf '%s' "$1" | tr -c 'A-Za-z0-9 _.,:/+()-' ' '; }

tell() { # MOMENT NAME WANTED FOUND: what came of a setting; fails where it is not what was wanted
  holds=false
  [ "$3" = "$4" ] && holds=true
  printf '{"event":"setting","moment":"%s","name":"%s","wanted":"%s","found":"%s","holds":%s}\n' \
    "$1" "$(clean "$2")" "$(clean "$3")" "$(clean "$4")" $holds
  [ $holds = true ]
}

restore() {
  [ -e "$saved" ] || return 0
  # Two passes over files: a lower limit cannot be set while the upper one is still below it, and the order of the lines is unknown.
  for pass in 1 2; do
    while read -r kind what value; do
      case $kind$pass in
        file*) printf '%s\n' "$value" 2>/dev/null > "$what" ;;
        global1) if [ "$value" = null ]; then settings delete global "$what"; else settings put global "$what" "$value"; fi ;;
        performance1) cmd power set-fixed-performance-mode-enabled false ;;
      esac
    done < "$saved"
  done >/dev/null 2>&1
  while read -r kind what value; do
    case $kind in
      file) tell restored "$what" "$value" "$(cat "$what" 2>/dev/null)" ;;
      global) tell restored "$what" "$value" "$(settings get global "$what" 2>/dev/null)" ;;
    esac
  done < "$saved"
  rm -f "$saved"
}

save() { # KIND WHAT VALUE
  printf '%s %s %s\n' "$1" "$2" "$3" >> "$saved"
  # Root may have made the file, and whoever restores may be the shell.
  chmod 644 "$saved"
}

set_file() { # PATH VALUE
  [ -w "$1" ] || return 1
  save file "$1" "$(cat "$1")"
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

fix_clock() { # NAME FOLDER MIN_FILE MAX_FILE CLOCK UNIT
  # The upper limit first where the clock goes up, else the lower one: neither may pass the other on the way.
  if [ "$5" -ge "$(cat "$2/$4")" ]; then set_file "$2/$4" "$5"; set_file "$2/$3" "$5"; else set_file "$2/$3" "$5"; set_file "$2/$4" "$5"; fi
  low=$(cat "$2/$3") high=$(cat "$2/$4")
  found="$low $6"
  [ "$low" = "$high" ] || found="$low to $high $6"
  tell made "$1" "$5 $6" "$found" || { failed=1; return; }
  printf '%s %s\n%s %s\n' "$2/$3" "$5" "$2/$4" "$5" >> "$held"
}

fix_cpu_clocks() { # CPU_KHZ
  for folder in /sys/devices/system/cpu/cpu[0-9]*/cpufreq; do
    # Cores of a cluster share one set of files, which the first of them stands for.
    cores=$(cat "$folder/related_cpus" 2>/dev/null)
    number=${folder%/cpufreq} number=${number##*/cpu}
    cores=${cores:-$number}
    [ -e "$folder/scaling_max_freq" ] && [ "${cores%% *}" = "$number" ] || continue
    name="clock of cores $cores"
    fixed=yes
    clocks=$(cat "$folder/scaling_available_frequencies" 2>/dev/null || cat "$folder/cpuinfo_max_freq")
    clock=$(highest "$1" $clocks $(cat "$folder/cpuinfo_max_freq")) || { tell made "$name" "$1 kHz" "no clock is as low"; failed=1; continue; }
    grep -qw performance "$folder/scaling_available_governors" 2>/dev/null && set_file "$folder/scaling_governor" performance
    fix_clock "$name" "$folder" scaling_min_freq scaling_max_freq "$clock" kHz
  done
  [ -n "$fixed" ] || { tell made "clock of the CPU" "fixed" "its clock files are not found"; failed=1; }
}

fix_gpu_clock() { # GPU_HZ
  for folder in /sys/class/kgsl/kgsl-3d0/devfreq /sys/class/devfreq/*gpu* /sys/class/devfreq/*mali*; do
    [ -e "$folder/max_freq" ] || continue
    clock=$(highest "$1" $(cat "$folder/available_frequencies" 2>/dev/null)) || { tell made "clock of the GPU" "$1 Hz" "no clock is as low"; failed=1; return; }
    grep -qw performance "$folder/available_governors" 2>/dev/null && set_file "$folder/governor" performance
    fix_clock "clock of the GPU" "$folder" min_freq max_freq "$clock" Hz
    return
  done
  tell made "clock of the GPU" "fixed" "its clock files are not found"
  # Where the user names no clock, a GPU that runs free is no failure, as long as it is said.
  [ "$1" = 0 ] || failed=1
}

apply() { # SETTINGS CPU_KHZ GPU_HZ HELD
  held=$4
  # A measurement that was killed left changed settings behind: the saved values are the original ones.
  restore
  : > "$held"
  chmod 644 "$held"
  case ,$1, in *,awake,*)
    if command -v svc >/dev/null && command -v settings >/dev/null; then
      save global stay_on_while_plugged_in "$(settings get global stay_on_while_plugged_in)"
      kept=no
      svc power stayon true >/dev/null 2>&1 && kept=yes
      tell made "screen kept on while powered" yes $kept
      input keyevent KEYCODE_WAKEUP 2>/dev/null
    fi
  esac
  case ,$1, in *,performance,*)
    save performance - -
    mode=refused
    cmd power set-fixed-performance-mode-enabled true >/dev/null 2>&1 && mode=on
    tell made "fixed performance mode" on $mode || failed=1
  esac
  case ,$1, in *,clocks,*) fix_cpu_clocks "$2"; fix_gpu_clock "$3" ;; esac
}

case $action in
  apply) apply "$3" "$4" "$5" "$6" ;;
  try) apply "$3" "$4" "$5" "$6"; restore; rm -f "$6" ;;
  restore) restore ;;
esac
exit $failed
