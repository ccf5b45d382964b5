# Functions to become root, to be put before a script or read into one.
# There are three ways: "shell" (it is root's already), "words" (su UID PROGRAM ARGUMENT..., of Android's own su) and "command" (su -c TEXT,
# of Magisk and its like, whose su ignores words after the user and reads the new shell's commands from its input).

root_way() { # Prints the way that works, and fails where none does. Both are tried: which su it is, it does not say.
  if [ "$(id -u)" = 0 ]; then echo shell; return; fi
  command -v su >/dev/null 2>&1 || return 1
  if [ "$(su -c 'id -u' </dev/null 2>/dev/null)" = 0 ]; then echo command; return; fi
  if [ "$(su 0 id -u </dev/null 2>/dev/null)" = 0 ]; then echo words; return; fi
  return 1
}

as_root() { # WAY PROGRAM ARGUMENT...
  root_by=$1
  shift
  case $root_by in
    shell) "$@" ;;
    words) su 0 "$@" ;;
    command)
      root_text=
      for root_word; do root_text="$root_text '$(printf '%s' "$root_word" | sed "s/'/'\\\\''/g")'"; done
      su -c "$root_text"
      ;;
  esac
}
