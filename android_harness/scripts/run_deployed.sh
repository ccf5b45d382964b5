# Runs this deployed model again, without any other computer, with the settings of its deployment. Prints the latency (lower median and nearest-rank 95th percentile of all runs)
# and whether the output is bit for bit that of the deployment.
#   sh run.sh
cd "${0%/*}" 2>/dev/null
rm -f result.jsonl @OUTPUTS@ restored
if ! sh @SUPERVISED@ > output.log 2>&1; then
  tail -n 1 output.log
  exit 1
fi
if [ ! -e output.f32 ]; then
  sed -n 's/.*"reason":"\([^"]*\)".*/\1/p' result.jsonl | tail -n 1
  exit 1
fi
sed -n 's/.*"total_ns":\[\([0-9,]*\)\].*/\1/p' result.jsonl | tr ',' '\n' | sort -n > totals
runs=$(wc -l < totals)
median=$(sed -n "$(( (runs + 1) / 2 ))p" totals)
p95=$(sed -n "$(( (runs * 95 + 99) / 100 ))p" totals)
rm -f totals
printf '%s\n' "Latency: $(( median / 1000 )) us median, $(( p95 / 1000 )) us p95 (n = $(( runs )))"
if [ "$(cat @OUTPUTS@ | sha256sum)" = "$(cat verified.sha256)" ]; then
  printf 'Output: bit for bit what it was when it was deployed and checked\n'
else
  printf 'Output: not what it was when it was deployed and checked\n'
  exit 1
fi
