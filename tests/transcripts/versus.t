What replicas are good for: they have the same requests in every deployment, so differences are far surer than either
mean. make_cube's replicas differ by the same everywhere.

  $ make_cube a.h5
  $ llmsweep best a.h5 --top 3 --by goodput --versus "model == 'mixtral-8×7b' and tp == 2" | sed -E 's/(±[0-9.]+).* ( +-?[0-9.]+ ±0)/\1 …\2/'
  a.h5: the best 3 of 38 points by goodput (1/s, higher is better)
  10 are saturated and come last
  ± is the 95 % interval of 2 replicas
  difference is goodput less that of tp 2 dp 2 lod medium time_scale 0.5 model mixtral-8×7b, replica by replica with the same requests
  the same in all: pp 1, ep 1
  
                                                                 output_token_
                                                                   throughput_                                      mem_
  tp  dp  lod     time_scale  model          gpus       goodput        per_gpu    ttft_p99_s    tpot_p99_s   utilization  difference
   2   2  medium         0.5  mixtral-8×7b      4  23.72 ±0.064 … 0 ±0  the reference
   1   1  medium           1  llama-3.1-70b     1  23.43 ±0.064 … -0.2857 ±0
   1   1  high           0.5  llama-3.1-70b     1  23.01 ±0.064 … -0.7143 ±0
  $ llmsweep best a.h5 --top 2 --by goodput --versus best --csv | tr -d '\r' | rev | cut -d, -f1-3 | rev
  difference,difference_ci95,saturated
  0,0,0
  -0.2857142857142847,0,0
  $ llmsweep best a.h5 --versus "tp == 3"
  llmsweep best: --versus: tp == 3 holds for none of the 38 ranked points
  [2]
  $ llmsweep best a.h5 --versus "tq == 3"
  llmsweep best: --versus: column 1: unknown name tq
  [2]

A price changes no latency, and a single replica has no interval.

  $ cat >study.yaml <<END
  > model: llama-3.1-8b
  > cluster: {hardware: h100-sxm}
  > workload:
  >   max_requests: 10
  >   profiles:
  >     - name: chat
  >       arrivals: {process: poisson, rate: 8}
  >       prompt_tokens: {dist: lognormal, mean: 600, std: 400}
  >       output_tokens: {dist: lognormal, mean: 10, std: 6}
  > sweep:
  >   axes: {prices.gpu_usd_per_h: [2, 3]}
  >   replicas: 3
  > END
  $ llmsweep run study.yaml -o b.h5 --quiet
  $ llmsweep best b.h5 --by e2e_mean_s --versus best | sed 's/ .* 0 ±0/ … 0 ±0/' | tail -2
   … 0 ±0  the reference
   … 0 ±0  maybe no difference
  $ llmsweep run study.yaml -o c.h5 --set sweep.replicas=1 --quiet
  $ llmsweep best c.h5 --by e2e_mean_s --versus best | sed -n 2p
  difference is e2e_mean_s less that of gpu_usd_per_h 2; how sure it is takes replicas (sweep.replicas)
