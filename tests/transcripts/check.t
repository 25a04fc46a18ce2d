Checks before a deployment: memory, experts, communication and the study's own targets, a line each. The shipped study of
1,024 experts on 16 GPUs passes all of them: with EP 8 and TP 2 a GPU holds 128 shards of half an expert each, which are
worth 64 experts.

  $ llmsweep check $TESTDIR/../../configs/studies/moe-optimal-strategy.yaml
  memory                   pass  9.98 of 80.00 GiB (12.5 %): weights 2.08, gradients 2.08, optimizer 4.15, activations 0.17, workspace 0.72, overhead 1.50
  expert distribution      pass  1024 experts (16 layers of 64) over 16 GPUs: 128 shards on each GPU, each 1/2 of an expert, worth 64 experts; busiest +0 %
  communication pattern    pass  tensor over 2 GPUs of a node (300 GB/s); experts' all-to-all over 8 GPUs of 2 nodes (100 Gb/s a NIC); gradients over 8 GPUs of 2 nodes (100 Gb/s a NIC); exposed 0.313 s a step
  step_time_s < 5          pass  4.43 s
  tokens_per_s > 25000     pass  2.959e+04 1/s

A check that fails is said to, and the exit status is 1. Tensor parallelism over two nodes is one, and misses both targets.

  $ llmsweep check $TESTDIR/../../configs/studies/moe-optimal-strategy.yaml --set ep=1 --set tp=16
  memory                   pass  9.64 of 80.00 GiB (12.0 %): weights 2.01, gradients 2.01, optimizer 4.02, activations 0.09, workspace 0.26, overhead 1.50
  expert distribution      pass  1024 experts (16 layers of 64) over 16 GPUs: 1024 shards on each GPU, each 1/16 of an expert, worth 64 experts; busiest +0 %
  communication pattern    FAIL  tensor over 16 GPUs of 2 nodes (100 Gb/s a NIC); exposed 1.36 s a step
  step_time_s < 5          FAIL  5.741 s
  tokens_per_s > 25000     FAIL  2.283e+04 1/s
  [1]

Without the optimisations, EP 16 does not fit; it is costed all the same, since the study says evaluate_oversized.

  $ llmsweep check $TESTDIR/../../configs/studies/moe-optimal-strategy.yaml --set ep=16 --set tp=1 --set training.micro_batch_size=8 --set training.precision=fp32 --set training.gradient_dtype=fp32 --set training.recompute=none --set training.dropout=true --set training.expert_imbalance=1.25
  memory                   FAIL  86.43 of 80.00 GiB (108.0 %): weights 4.30, gradients 4.30, optimizer 8.60, activations 67.73, workspace 0.00, overhead 1.50; the training state does not fit in memory
  expert distribution      pass  1024 experts (16 layers of 64) over 16 GPUs: 64 shards on each GPU, whole experts, worth 64 experts; busiest +25 %
  communication pattern    pass  experts' all-to-all over 16 GPUs of 2 nodes (100 Gb/s a NIC); gradients over 16 GPUs of 2 nodes (100 Gb/s a NIC); exposed 0.479 s a step
  step_time_s < 5          pass  4.647 s
  tokens_per_s > 25000     pass  2.821e+04 1/s
  [1]

Experts that cannot be spread evenly, and other strategies that are none, fail by their reason.

  $ llmsweep check $TESTDIR/../../configs/studies/moe-optimal-strategy.yaml --set ep=3 --set tp=1
  strategy                 FAIL  the expert shards do not divide the experts
  [1]
  $ llmsweep check $TESTDIR/../../configs/studies/moe-optimal-strategy.yaml --set ep=16 --set tp=2
  strategy                 FAIL  more GPUs than the cluster has
  [1]

Deployments that serve are checked as well.

  $ cat >chat.yaml <<END
  > model: mixtral-8x7b
  > cluster: {hardware: h100-sxm}
  > strategy: {tp: 2, ep: 4}
  > workload:
  >   max_requests: 20
  >   profiles: [{name: chat, arrivals: {rate: 4}, prompt_tokens: {dist: constant, value: 500}, output_tokens: {dist: constant, value: 50}}]
  > targets: [ttft_p99_s < 10, "tpot_mean_s < 0.000001 and success_rate == 1"]
  > END
  $ llmsweep check chat.yaml | sed -E "s/[0-9.]+ s$/N s/; s/[0-9.]+ % of busy/N % of busy/; s/[0-9.]+ of .*GiB.*/N GiB/"
  memory                   pass  N GiB
  expert distribution      pass  256 experts (32 layers of 8) over 8 GPUs: 64 shards on each GPU, each 1/2 of an expert, worth 32 experts; busiest +0 %
  communication pattern    pass  tensor over 2 GPUs of a node (450 GB/s); experts' all-to-all over 4 GPUs of a node (450 GB/s); N % of busy time
  ttft_p99_s < 10          pass  N s
  tpot_mean_s < 0.000001 and success_rate == 1 FAIL  N s

Targets are conditions on metrics of the study's kind.

  $ sed 's/^targets.*/targets: [ttft_p9_s < 1, step_time_s < 5, 3 < 4, {mfu: 1}, mfu >]/' chat.yaml >wrong.yaml
  $ llmsweep check wrong.yaml
  wrong.yaml:7:11: targets: ttft_p9_s is no metric of this kind of study (did you mean ttft_p90_s?)
  wrong.yaml:7:26: targets: step_time_s is no metric of this kind of study
  wrong.yaml:7:43: targets: 3 < 4 names no metric; write a condition, such as step_time_s < 5
  wrong.yaml:7:50: targets: a mapping was given; write a condition, such as mfu > 0.4
  wrong.yaml:7:60: targets: column 6: it ends where a number, a name or ( was expected
  [2]
  $ sed 's/^targets.*/targets: mfu > 0.4/' chat.yaml >wrong.yaml
  $ llmsweep check wrong.yaml
  wrong.yaml:7:10: targets: no list of at most 32 conditions; write such as [step_time_s < 5, tokens_per_s > 25000]
  [2]
  $ llmsweep check
  llmsweep check: give one study file
  Usage: llmsweep check STUDY.yaml [--set KEY=VALUE]...
  [2]
