Pools of their own for prompts and decodes: their GPUs add up, every key can be an axis, and null is one pool again.

  $ cat >pools.yaml <<'END'
  > kind: serving
  > name: pools
  > model: llama-3.1-8b
  > cluster: {hardware: h100-sxm, nodes: 2}
  > strategy: {tp: 1, dp: 3}
  > engine:
  >   disaggregation: {prefill: {tp: 2}, transfer: {bandwidth: 10 GB/s}}
  > workload:
  >   max_requests: 20
  >   profiles: [{name: a, arrivals: {rate: 4}, prompt_tokens: {dist: constant, value: 500}, output_tokens: {dist: constant, value: 20}}]
  > sweep:
  >   axes:
  >     engine.disaggregation.prefill.replicas: [1, 2]
  >     engine.disaggregation.decode.replicas: [1, 2]
  >     hardware: {key: engine.disaggregation.decode.hardware, values: [null, h200-sxm]}
  >   where: "gpus <= 5"
  > END
  $ llmsweep run pools.yaml -o pools.h5 --quiet
  $ llmsweep export pools.h5 --csv - | cut -d, -f 6-8,10-12
  engine.disaggregation.prefill.replicas,engine.disaggregation.decode.replicas,hardware,status,reason,gpus
  1,1,null,done,none,3
  1,1,h200-sxm,done,none,3
  1,2,null,done,none,4
  1,2,h200-sxm,done,none,4
  2,1,null,done,none,5
  2,1,h200-sxm,done,none,5
  2,2,null,infeasible,excluded,6
  2,2,h200-sxm,infeasible,excluded,6
  $ llmsweep simulate pools.yaml --set lod=low --set engine.scheduling_policy=sjf --set engine.disaggregation.prefill.replicas=1 --set engine.disaggregation.decode.replicas=1
  llmsweep simulate: infeasible: low: low has no model of what is asked (docs/level-of-detail.md); medium has
  [1]
  $ llmsweep simulate pools.yaml --set engine.disaggregation.prefill.replicas=1
  pools.yaml:7:19: engine.disaggregation.decode.replicas: pools need their number of replicas
  [2]
  $ llmsweep validate pools.yaml --set engine.disaggregation.prefill.replica=1
  --set: engine.disaggregation.prefill.replica: unknown key (did you mean replicas?)
  [2]
