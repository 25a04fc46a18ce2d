Axes, `where` and `--set`.

  $ cat >good.yaml <<END
  > model: llama-3.1-8b
  > cluster: {hardware: h100-sxm, nodes: 1}
  > workload:
  >   duration_s: 60
  >   profiles:
  >     - name: chat
  >       arrivals: {rate: 4}
  >       prompt_tokens: {dist: constant, value: 500}
  >       output_tokens: {dist: constant, value: 100}
  > sweep:
  >   axes:
  > END
  $ study() { cp good.yaml study.yaml; cat >>study.yaml; llmsweep validate study.yaml "$@"; }

Every form of an axis: 4 x 2 x 3 x 3 x 2 cells.

  $ study <<END
  >     tp: [1, 2, 4, 8]
  >     dp: {pow2: [1, 2]}
  >     load: {key: workload.profiles.chat.arrivals.rate, logspace: [1, 100, 3]}
  >     cluster.hardware.memory_bandwidth: {linspace: [2 TB/s, 4 TB/s, 3]}
  >     box: {zip: {cluster.hardware: [h100-sxm, a100-80g-sxm], cluster.nodes: [1, 2]}}
  >   where: "gpus <= cluster_gpus and (hardware == 'h100-sxm' or memory_bandwidth < 3e12)"
  > END
  study.yaml: valid, 144 cells

Grids that are too large are refused with their size.

  $ study <<END
  >     tp: {range: [1, 10000, 1]}
  >     dp: {range: [1, 10000, 1]}
  >     slo.ttft_s: {linspace: [0.1, 1, 10000]}
  > END
  study.yaml:12:9: sweep: the grid has 1000000000000 cells, more than 1000000000; make an axis shorter
  [2]
  $ study <<END
  >     tp: {range: [1, 1000000, 1]}
  >     slo.ttft_s: {linspace: [0.1, 1, 1000000000000]}
  > END
  study.yaml:12:9: sweep.axes.tp: 1000000 points; write at most 100000
  study.yaml:13:37: sweep.axes.slo.ttft_s: 1000000000000 is out of range; write a whole number from 1 to 100000
  [2]

Axes over what does not exist, is a group, or is not allowed to vary.

  $ study <<END
  >     tpp: [1, 2]
  >     workload.profiles.chatt.arrivals.rate: [1, 2]
  >     workload.profiles.chat.arrivals: [1, 2]
  >     workload.profiles: [1]
  >     seed: [1, 2]
  >     mfu: {key: slo.attainment, values: [0.9]}
  >     ttft_q: {key: slo.ttft_s, values: [1]}
  >     fingerprint: {key: slo.tpot_s, values: [1]}
  > END
  study.yaml:12:10: sweep.axes.tpp: unknown key (did you mean tp?)
  study.yaml:13:44: sweep.axes.workload.profiles.chatt.arrivals.rate: unknown name chatt (did you mean chat?)
  study.yaml:14:38: sweep.axes.workload.profiles.chat.arrivals: several keys; name one of them
  study.yaml:15:24: sweep.axes.workload.profiles: several keys; name one of them
  study.yaml:16:11: sweep.axes.seed: no axis; write sweep.replicas: N for independent seeds
  study.yaml:17:10: sweep.axes.mfu: the results have something of that name; call the axis otherwise
  study.yaml:18:13: sweep.axes.ttft_q: the results have something of that name; call the axis otherwise
  study.yaml:19:18: sweep.axes.fingerprint: the results have something of that name; call the axis otherwise
  [2]

Points that are wrong, twice, none, or not as many as their neighbours.

  $ study <<END
  >     tp: [1, two, 4.5, 0]
  >     pp: []
  >     dp: 4
  >     ep: [1, 2, 1.0]
  >     lod: [medium, hihg]
  >     model: [llama-3.1-8b, llama-3.1-70]
  >     box: {zip: {cluster.nodes: [1, 2], cluster.gpus_per_node: [8]}}
  >     slo.ttft_s: {range: [1, 0.1, 0.1]}
  >     slo.tpot_s: {linspace: [1, 2]}
  >     engine.max_num_seqs: {linspace: [1, 4, 3]}
  > END
  study.yaml:12:13: sweep.axes.tp: two is not a number; write a whole number from 1 to 1000000
  study.yaml:12:18: sweep.axes.tp: 4.5 is not a whole number; write a whole number from 1 to 1000000
  study.yaml:12:23: sweep.axes.tp: 0 is out of range; write a whole number from 1 to 1000000
  study.yaml:13:9: sweep.axes.pp: no values; write a list, such as [1, 2, 4]
  study.yaml:14:9: sweep.axes.dp: no values; write a list, such as [1, 2, 4]
  study.yaml:15:9: sweep.axes.ep: 1 stands twice on the axis; keep one
  study.yaml:16:19: sweep.axes.lod: hihg is not known; write low, medium or high
  study.yaml:17:27: sweep.axes.model: no model llama-3.1-70 (did you mean llama-3.1-70b?)
  study.yaml:18:10: sweep.axes.box: cluster.nodes has 2 values and cluster.gpus_per_node has 1; keys that move together need the same number
  study.yaml:19:17: sweep.axes.slo.ttft_s: an empty range; the first end must not be above the last, and steps and ratios be above 0
  study.yaml:20:28: sweep.axes.slo.tpot_s: write linspace: [first, last, number of points]
  study.yaml:21:26: sweep.axes.engine.max_num_seqs: the range gives 2.5; write a whole number from 1 to 65536, or null
  [2]

The same key twice, and a degree in a zip.

  $ study <<END
  >     tp: [1, 2]
  >     shards: {key: strategy.tp, values: [4]}
  >     box: {zip: {pp: [1, 2], cluster.nodes: [1, 2]}}
  > END
  study.yaml:13:13: sweep.axes.shards: strategy.tp is swept twice; keep one axis of it
  study.yaml:14:10: sweep.axes.box: pp is always a dimension of its own; give it its own axis and say in where which go together
  [2]

Conditions.

  $ study <<END
  >     tp: [1, 2]
  >   where: "gpu <= 8"
  > END
  study.yaml:13:10: sweep.where: column 1: unknown name gpu (did you mean gpus?)
  [2]
  $ study <<END
  >     tp: [1, 2]
  >   where: "tp <= "
  > END
  study.yaml:13:10: sweep.where: column 7: it ends where a number, a name or ( was expected
  [2]
  $ study <<END
  >     cluster.intra_node.latency: [1 us, 2 us]
  >     cluster.inter_node.latency: [1 us, 2 us]
  >   where: "latency > 1"
  > END
  study.yaml:14:10: sweep.where: column 1: unknown name latency: 2 swept keys end so; write one in full
  [2]

--set lays a value over the file; on an axis it fixes it to that value.

  $ study --set tp=4 --set rate=9 <<END
  >     tp: [1, 2, 4]
  >     rate: {key: workload.profiles.chat.arrivals.rate, values: [1, 2]}
  >     lod: [medium, high]
  > END
  study.yaml: valid, 2 cells
  $ llmsweep validate study.yaml --set workload.profiles.chat.arrivals.rate=9 --set sweep.axes.tp='[1, 2]'
  study.yaml: valid, 4 cells
  $ llmsweep validate study.yaml --set model.num_hidden_layers=16 --set cluster.hardware='{base: a100-80g-sxm, memory: 40 GB}'
  study.yaml: valid, 12 cells
  $ llmsweep validate study.yaml --set tp=x --set nodes=2 --set tp --set cluster.nodes=
  --set: tp; write KEY=VALUE, such as tp=8
  --set: nodes: unknown key
  --set: cluster.nodes: null is not a value here; write a whole number from 1 to 1000000
  --set: sweep.axes.tp: x is not a number; write a whole number from 1 to 1000000
  [2]
  $ llmsweep validate study.yaml --set workload.profiles.code.arrivals.rate=9 --set model.num_hidden_layers=many
  --set: workload.profiles.code.arrivals.rate: no such entry in the list; name one that is there
  --set: model.num_hidden_layers: many is not a number; write a whole number from 1 to 65536
  [2]

Adaptive replicas are a search of their own.

  $ study <<END
  >     tp: [1, 2]
  >   replicas: {until: {metric: ttft_mean_s, half_width: 0.02}, max: 50}
  >   search: {method: halving}
  > END
  study.yaml:13:13: sweep.replicas: until and sweep.search exclude each other; keep one of them
  [2]
