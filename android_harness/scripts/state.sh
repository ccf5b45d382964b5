# Prints the identity and the present state of a device, in sections "== NAME". A section is empty where the device lacks its subject.
# $1: the folder in which the harness works; it need not be there yet.
section() { printf '== %s\n' "$1"; }
have() { command -v "$1" >/dev/null 2>&1; }

section properties
if have getprop; then
  for name in ro.product.manufacturer ro.product.model ro.soc.manufacturer ro.soc.model ro.board.platform ro.hardware \
    ro.build.version.release ro.build.version.sdk ro.build.fingerprint ro.hardware.vulkan ro.hardware.egl; do
    printf '%s=%s\n' "$name" "$(getprop "$name" | tr -d '\r\n')"
  done
fi
section system
printf 'machine=%s\n' "$(uname -m)"
printf 'kernel=%s\n' "$(uname -s)"
printf 'user=%s\n' "$(id -u)"
printf 'boot=%s\n' "$(cat /proc/sys/kernel/random/boot_id)"
printf 'page=%s\n' "$(getconf PAGE_SIZE 2>/dev/null)"
[ -e /system/bin/linker64 ] && printf 'libc=bionic\n'
have su && printf 'su=%s\n' "$(command -v su)"
[ -e "$1/settings" ] && printf 'settings=changed\n'
have svc && printf 'svc=yes\n'
have cmd && printf 'cmd=yes\n'
printf 'allowed=%s\n' "$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)"
printf 'processor=%s\n' "$(sed -n -e 's/^model name[[:space:]]*: //p' -e 's/^Hardware[[:space:]]*: //p' /proc/cpuinfo | head -n 1)"
printf 'parts=%s\n' "$(sed -n 's/^CPU part[[:space:]]*: //p' /proc/cpuinfo | sort | uniq -c | tr -s ' \n' ' ')"
printf 'memory=%s\n' "$(sed -n 's/^MemTotal:[[:space:]]*\([0-9]*\) kB$/\1/p' /proc/meminfo)"
section tools
for tool in flock sha256sum cksum tar setsid stat df find tail head tr sed mkdir mv touch date; do
  have "$tool" || printf '%s\n' "$tool"
done
section cores
for core in /sys/devices/system/cpu/cpu[0-9]*; do
  clocks=$core/cpufreq
  printf '%s %s %s %s %s\n' "${core##*/cpu}" "$(cat "$clocks/cpuinfo_max_freq" 2>/dev/null || echo -)" \
    "$(cat "$clocks/scaling_max_freq" 2>/dev/null || echo -)" "$(cat "$clocks/scaling_governor" 2>/dev/null || echo -)" \
    "$(cat "$core/online" 2>/dev/null || echo -)"
done
section thermal
have dumpsys && dumpsys thermalservice 2>/dev/null | head -n 200
section zones
for zone in /sys/class/thermal/thermal_zone*; do
  [ -r "$zone/temp" ] && printf '%s %s\n' "$(cat "$zone/temp" 2>/dev/null)" "$(cat "$zone/type" 2>/dev/null)"
done
section battery
have dumpsys && dumpsys battery 2>/dev/null | head -n 60
section graphics
have dumpsys && dumpsys SurfaceFlinger 2>/dev/null | grep -m 1 GLES
section storage
folder=$1
while [ ! -d "$folder" ] && [ -n "$folder" ]; do folder=${folder%/*}; done
df -Pk "${folder:-/}" | tail -n 1
section performance
have cmd && cmd power help 2>/dev/null | grep -o -m 1 'set-fixed-performance-mode-enabled'
section end
