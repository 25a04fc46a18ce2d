One cube over TP x PP x DP x EP, for training and for serving, ranked by memory headroom, latency, throughput and cost.

  $ studies=$TESTDIR/../../configs/studies
  $ llmsweep run $studies/moe-optimal-strategy.yaml -o training.h5 --quiet
  $ for by in mem_headroom_bytes step_time_s tokens_per_s usd_per_mtok; do
  >   echo "$by: $(llmsweep best training.h5 --by $by --top 1 --csv | tail -1 | cut -d, -f1-6)"
  > done
  mem_headroom_bytes: 8,2,1,1,medium,1
  step_time_s: 1,1,2,8,medium,8
  tokens_per_s: 1,1,2,8,medium,8
  usd_per_mtok: 1,1,2,8,medium,8

The published strategy, EP 8 and TP 2, is fast enough and leaves most of the memory free.

  $ llmsweep best training.h5 --by tokens_per_s --where "ep == 8 and tp == 2 and mem_utilization < 0.13 and micro_batch == 4" --csv | tail -1 | cut -d, -f1-6
  2,1,1,8,medium,4

Serving, on fewer requests than the study has.

  $ llmsweep run $studies/moe-serving.yaml -o serving.h5 --quiet --set workload.trace.max_requests=60 --set sweep.axes.pp='[1, 2]' --set sweep.axes.dp='[1, 2]'
  $ for by in mem_headroom_bytes ttft_p99_s output_token_throughput_per_gpu usd_per_mtok; do
  >   echo "$by: $(llmsweep best serving.h5 --by $by --top 1 --csv | tail -1 | cut -d, -f1-5)"
  > done
  mem_headroom_bytes: 8,2,1,1,medium
  ttft_p99_s: 8,1,2,1,medium
  output_token_throughput_per_gpu: 2,1,1,1,medium
  usd_per_mtok: 2,1,1,1,medium
