What a user may get wrong in a study, and what `validate` says about it. A good study first, in pieces to put together.

  $ cat >good.yaml <<END
  > model: llama-3.1-8b
  > cluster: {hardware: h100-sxm, nodes: 1}
  > strategy: {tp: 2}
  > workload:
  >   duration_s: 60
  >   profiles:
  >     - name: chat
  >       arrivals: {rate: 4}
  >       prompt_tokens: {dist: constant, value: 500}
  >       output_tokens: {dist: uniform, low: 50, high: 200}
  > END
  $ llmsweep validate good.yaml
  good.yaml: valid, 1 cell

Unknown keys, with the nearest one where there is one; all of them, and a value besides.

  $ sed 's/duration_s/duraton_s/; s/nodes: 1/nodes: none/; s/rate: 4/ratio: 4/' good.yaml >study.yaml
  $ echo 'colour: red' >>study.yaml
  $ llmsweep validate study.yaml
  study.yaml:2:38: cluster.nodes: none is not a number; write a whole number from 1 to 1000000
  study.yaml:5:3: workload.duraton_s: unknown key (did you mean duration_s?)
  study.yaml:8:18: workload.profiles.chat.arrivals.ratio: unknown key
  study.yaml:11:1: colour: unknown key
  [2]

Duplicate keys, and what is wrong elsewhere in the same file.

  $ { cat good.yaml; echo 'seed: 1'; echo 'seed: x'; } >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:12:1: seed: given twice, first on line 11; keep one of them
  [2]
  $ sed 's/tp: 2/tp: 2, pp: 0, tp: 4/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:3:23: strategy.pp: 0 is out of range; write a whole number from 1 to 1000000
  study.yaml:3:26: tp: given twice, first on line 3; keep one of them
  [2]

Units: the wrong one, none, an unknown one.

  $ sed 's/duration_s: 60/duration_s: 80GB/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:5:15: workload.duration_s: 80GB is in units of byte; write seconds, such as 0.02 or 20 ms, from 1e-9 to 9000000, or null
  [2]
  $ sed 's/hardware: h100-sxm/hardware: {base: h100-sxm, memory: 40, power: 1 kg}/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:2:46: cluster.hardware.memory: 40 has no unit; write bytes, such as 80 GB or 1.5 GiB, of at least 1 B
  study.yaml:2:57: cluster.hardware.power: 1 kg has a unit that is not known; write a power, such as 700 W, of at least 0 W
  [2]

Numbers that are none, or not whole, or impossible.

  $ sed 's/tp: 2/tp: 1.5/; s/rate: 4/rate: .nan/; s/value: 500/value: 1e30/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:3:16: strategy.tp: 1.5 is not a whole number; write a whole number from 1 to 1000000
  study.yaml:8:24: workload.profiles.chat.arrivals.rate: .nan is not a number; write a number from 1e-9 to 1000000000, or null
  study.yaml:9:46: workload.profiles.chat.prompt_tokens.value: 1e30 is out of range; write a number from -1000000000000000 to 1000000000000000, or null
  [2]
  $ sed 's/tp: 2/tp: [1, 2]/; s/rate: 4/rate: -1/; s/duration_s: 60/duration_s: {s: 60}/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:3:16: strategy.tp: a list was given; write a whole number from 1 to 1000000
  study.yaml:5:15: workload.duration_s: a mapping was given; write seconds, such as 0.02 or 20 ms, from 1e-9 to 9000000, or null
  study.yaml:8:24: workload.profiles.chat.arrivals.rate: -1 is out of range; write a number from 1e-9 to 1000000000, or null
  [2]

tp: 3 does not divide 64 heads: a cell that cannot run, not an error.

  $ sed 's/tp: 2/tp: 3/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml: valid, 1 cell

Names that are not in the library; files that are not there.

  $ sed 's/llama-3.1-8b/llama-3.1-8/; s/h100-sxm/tpu-v5/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:1:8: model: no model llama-3.1-8 (did you mean llama-3.1-8b?)
  study.yaml:2:21: cluster.hardware: no hardware tpu-v5, neither in the library nor as a file beside the study
  [2]
  $ llmsweep validate nothing.yaml
  nothing.yaml: cannot open it: No such file or directory
  [2]
  $ llmsweep validate .
  .: a folder; a file was expected
  [2]

Files that are no study.

  $ printf '' >study.yaml
  $ llmsweep validate study.yaml
  study.yaml: empty; nothing is in it
  [2]
  $ echo 'just a line' >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:1:1: a value was given; a study is a mapping of keys
  [2]
  $ printf 'a: [1, 2\nb: 3\n' >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:2:2: not YAML: did not find expected ',' or ']' while parsing a flow sequence
  [2]
  $ printf '\177ELF\001\002\377' >study.yaml
  $ llmsweep validate study.yaml
  study.yaml: not YAML: control characters are not allowed at byte 0; a text file in UTF-8 was expected
  [2]
  $ { cat good.yaml; echo '---'; cat good.yaml; } >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:11:1: a second document begins here; put each into a file of its own
  [2]

Aliases that explode, and one that contains itself.

  $ { echo 'a: &a [x, x, x, x, x, x, x, x, x, x]'
  >   for pair in ab bc cd de ef fg gh hi; do
  >     old=*${pair:0:1} new=${pair:1}
  >     echo "$new: &$new [$old, $old, $old, $old, $old, $old, $old, $old, $old, $old]"
  >   done; } >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:1:32: more than 200000 values once aliases are expanded; write less
  [2]
  $ echo 'a: &a {b: [*a]}' >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:1:4: an alias that contains itself; write the value out
  [2]

Distributions: a mean that only makes sense in log space, a mix of the two, a missing parameter.

  $ sed 's/dist: constant, value: 500/dist: lognormal, mean: 1500/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:9:22: workload.profiles.chat.prompt_tokens: lognormal needs mean and std, or mu and sigma
  [2]
  $ sed 's/dist: constant, value: 500/dist: lognormal, mean: 1500, sigma: 0.5/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:9:22: workload.profiles.chat.prompt_tokens: lognormal takes mean and std of the values, or mu and sigma of their logarithm, not a mix of the two
  [2]
  $ sed 's/dist: uniform, low: 50, high: 200/dist: uniform, low: 200, high: 50/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:10:22: workload.profiles.chat.output_tokens: low is 200, must not be above high, 50
  [2]

Values that contradict each other.

  $ sed 's/duration_s: 60/warmup_s: 60/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:5:3: workload.duration_s: nothing ends the arrivals; give it or max_requests
  [2]
  $ llmsweep validate good.yaml --set workload.warmup_s=60
  --set: workload.warmup_s: 60 leaves nothing of duration_s, 60, to measure
  [2]

A key of the engine that is none.

  $ sed 's/^strategy/engine: {speculative: {method: ngram}, preemption_mode: x}\n&/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:3:40: engine.preemption_mode: unknown key (did you mean preemption?)
  [2]
  $ llmsweep validate good.yaml --set kind=training
  good.yaml:5:3: workload: kind training does not read it; remove it
  [2]
  $ llmsweep validate good.yaml --set output.requests=maybe
  --set: output.requests: maybe is neither true nor false; write true or false
  [2]

Profiles need names, each its own.

  $ { cat good.yaml; tail -4 good.yaml; } >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:11:13: workload.profiles: two entries are called chat; rename one
  [2]
  $ sed 's/name: chat/name: chat room/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:7:13: workload.profiles: an entry needs a name of letters, digits, _ and -, such as name: chat
  [2]
  $ sed 's/- name: chat/- weight: 1/' good.yaml >study.yaml
  $ llmsweep validate study.yaml
  study.yaml:7:7: workload.profiles: an entry needs a name of letters, digits, _ and -, such as name: chat
  [2]
