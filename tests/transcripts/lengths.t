Lengths that were observed, and mixtures; both along axes.

  $ printf 'time,in,out\n0,374,44\n1, 4000 ,30\n2,60,"700"\n' >seen.csv
  $ cat >study.yaml <<END
  > model: llama-3.1-8b
  > cluster: {hardware: h100-sxm}
  > workload:
  >   max_requests: 50
  >   profiles:
  >     - name: chat
  >       arrivals: {process: mmpp, rate: 4, burst_s: 5}
  >       prompt_tokens: {dist: empirical, file: seen.csv, column: in}
  >       output_tokens:
  >         dist: mixture
  >         of:
  >           - {weight: 3, dist: lognormal, mean: 100, std: 50}
  >           - {name: long, dist: empirical, file: seen.csv, column: out}
  > sweep:
  >   axes:
  >     workload.profiles.chat.output_tokens.of.0.weight: [0, 3]
  >     workload.profiles.chat.prompt_tokens.file: [seen.csv]
  > END
  $ llmsweep validate study.yaml
  study.yaml: valid, 2 cells
  $ llmsweep run study.yaml -o cube.h5 2>/dev/null

What is read is part of the study: other values, another study.

  $ printf 'time,in,out\n0,374,44\n1,4001,30\n2,60,700\n' >seen.csv
  $ llmsweep run study.yaml -o cube.h5 --resume 2>&1 | head -1 | cut -c 1-60
  llmsweep: error: cube.h5 holds another study; --overwrite re

What may be wrong.

  $ printf 'time,in,out\n0,374,44\n1,-4,30\n2,60\n' >seen.csv
  $ llmsweep validate study.yaml
  seen.csv:3:3: in: -4 will not do; write a number from 0 to 1e15
  seen.csv:4:1: out: nothing will not do; write a number from 0 to 1e15
  [2]
  $ printf 'time,in,out\n' >seen.csv
  $ llmsweep validate study.yaml --set workload.profiles.chat.prompt_tokens.column=on
  seen.csv:1:1: on: no such column in the first line (did you mean in?)
  seen.csv: no values; only the first line is there
  [2]
  $ printf 'time,in,out\n0,374,44\n' >seen.csv
  $ llmsweep validate study.yaml --set workload.profiles.chat.prompt_tokens.column=on
  seen.csv:1:1: on: no such column in the first line (did you mean in?)
  [2]
  $ llmsweep validate study.yaml --set workload.profiles.chat.prompt_tokens.column=
  study.yaml:8:46: workload.profiles.chat.prompt_tokens.file: needs column, the name of a column in the first line of seen.csv
  study.yaml:17:49: sweep.axes.workload.profiles.chat.prompt_tokens.file: needs column, the name of a column in the first line of seen.csv
  [2]
  $ llmsweep validate study.yaml --set workload.profiles.chat.prompt_tokens.file=sen.csv
  --set: sweep.axes.workload.profiles.chat.prompt_tokens.file: no workload sen.csv, neither in the library nor as a file beside the study
  [2]
