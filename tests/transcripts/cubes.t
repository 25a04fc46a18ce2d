What show, best and export say of a cube. make_cube, of the tests, writes one whose numbers mean nothing and stay.

  $ make_cube a.h5
  $ llmsweep show a.h5 | sed '/created/d; /n_rejected/,/queue_wait_p95_s/d'
  a.h5: fake (serving)
  
  Axes
    tp                           2  1 2
    pp                           1  1
    dp                           3  1 2 4
    ep                           1  1
    lod                          2  medium high
    workload.trace.time_scale    2  0.5 1
    model                        2  llama-3.1-70b mixtral-8×7b
    replica                      2  0 1
  
  Cells
    done                             76   79.2 %
    infeasible                       20   20.8 %
    all                              96
  
  Reasons
    memory_weights                   20  the weights do not fit in memory
  
  Metrics
                                     unit  lowest  median  highest  cells
    n_arrived                        1         11   16.86     23.3     76
    n_completed                      1      10.14   16.57    23.15     76
    queue_wait_p99_s                 s      10.29   16.57    23.72     76
  
  Provenance
    llmsweep_version         0.1.0
    engine_version           1
    seed                     42
    study_sha256             0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0
  $ llmsweep show a.h5 --digest | grep -Exc '[0-9a-f]{64}'
  1

A cube of a run that was stopped.

  $ make_cube part.h5 31
  $ llmsweep show part.h5 | sed -n '/^Cells/,/^Metrics/p'
  Cells
    done                             24   25.0 %
    infeasible                        7    7.3 %
    not_run                          65   67.7 %
    all                              96
  
  Reasons
    memory_weights                    7  the weights do not fit in memory
  
  Metrics

Ranking. Saturated points come last, however good.

  $ llmsweep best a.h5 --top 4
  a.h5: the best 4 of 38 points by output_token_throughput_per_gpu (1/s, higher is better)
  10 are saturated and come last
  ± is the 95 % interval of 2 replicas
  the same in all: pp 1, ep 1
  
                                                   output_token_
                                                     throughput_                                                    mem_
  tp  dp  lod     time_scale  model          gpus        per_gpu       goodput    ttft_p99_s    tpot_p99_s   utilization
   2   2  high           0.5  llama-3.1-70b     4   23.72 ±0.064  16.15 ±0.064  12.86 ±0.064  12.43 ±0.064  23.01 ±0.064
   1   4  high             1  llama-3.1-70b     4   23.01 ±0.064  19.15 ±0.064  13.29 ±0.064  10.72 ±0.064  18.72 ±0.064
   2   2  medium         0.5  mixtral-8×7b      4   22.58 ±0.064  23.72 ±0.064  21.86 ±0.064  18.01 ±0.064  16.15 ±0.064
   1   2  medium         0.5  llama-3.1-70b     2   22.29 ±0.064  22.15 ±0.064  13.72 ±0.064  22.86 ±0.064  14.43 ±0.064
  $ llmsweep best a.h5 --by ttft_p99_s --where "model == 'llama-3.1-70b' and dp > 1 and time_scale < 1" --csv | tr -d '\r'
  tp,pp,dp,ep,lod,workload.trace.time_scale,model,gpus,ttft_p99_s,ttft_p99_s_ci95,output_token_throughput_per_gpu,output_token_throughput_per_gpu_ci95,goodput,goodput_ci95,tpot_p99_s,tpot_p99_s_ci95,mem_utilization,mem_utilization_ci95,saturated
  2,1,2,1,medium,0.5,llama-3.1-70b,4,11.004999999999999,0.06352999999999864,17.576428571428572,0.06353000000000993,17.005000000000003,0.06353000000000993,19.862142857142857,0.06353000000000993,13.862142857142857,0.06352999999999864,0
  2,1,2,1,high,0.5,llama-3.1-70b,4,12.862142857142857,0.06352999999999864,23.719285714285718,0.06353000000000993,16.14785714285714,0.06353000000000993,12.43357142857143,0.06352999999999864,23.005000000000003,0.06353000000000993,0
  1,1,2,1,medium,0.5,llama-3.1-70b,2,13.719285714285714,0.06352999999999864,22.290714285714287,0.06353000000000993,22.14785714285714,0.06353000000000993,22.862142857142857,0.06353000000000993,14.43357142857143,0.06352999999999864,0
  1,1,2,1,high,0.5,llama-3.1-70b,2,15.576428571428572,0.06352999999999864,14.576428571428572,0.06352999999999864,21.290714285714287,0.06353000000000993,15.43357142857143,0.06352999999999864,23.576428571428572,0.06353000000000993,0
  2,1,4,1,high,0.5,llama-3.1-70b,8,16.576428571428572,0.06353000000000993,22.14785714285714,0.06353000000000993,14.43357142857143,0.06352999999999864,11.43357142857143,0.06352999999999864,13.576428571428572,0.06352999999999864,0
  1,1,4,1,medium,0.5,llama-3.1-70b,4,17.433571428571433,0.06353000000000993,20.719285714285718,0.06353000000000993,20.433571428571433,0.06353000000000993,21.862142857142857,0.06353000000000993,18.862142857142857,0.06353000000000993,0
  $ llmsweep best a.h5 --by mem_total_bytes --where "status == 'infeasible' and reason == 'memory_weights' and tp == 2"
  a.h5: the best 5 of 5 points by mem_total_bytes (byte, lower is better)
  ± is the 95 % interval of 2 replicas
  the same in all: tp 2, pp 1, ep 1
  
                                                 mem_total_
  dp  lod     time_scale  model          gpus         bytes
   2  medium           1  mixtral-8×7b      4  10.72 ±0.064
   1  high             1  llama-3.1-70b     2  14.58 ±0.064
   4  high           0.5  mixtral-8×7b      8  16.86 ±0.064
   1  medium         0.5  mixtral-8×7b      2  18.43 ±0.064
   4  medium         0.5  llama-3.1-70b     8  20.72 ±0.064

The Pareto front, in a table and a plot.

  $ llmsweep best a.h5 --pareto output_token_throughput,e2e_p90_s
  a.h5: 4 of 38 points are on the Pareto front of output_token_throughput and e2e_p90_s
  10 are saturated and not considered
  ± is the 95 % interval of 2 replicas
  the same in all: pp 1, ep 1
  
                                                   output_token_
                                                     throughput_  output_token_                                                                  mem_
  tp  dp  lod     time_scale  model          gpus        per_gpu     throughput     e2e_p90_s       goodput    ttft_p99_s    tpot_p99_s   utilization
   2   4  high             1  llama-3.1-70b     8   18.29 ±0.064   19.72 ±0.064  17.29 ±0.064     14 ±0.064  10.58 ±0.064  21.58 ±0.064  18.15 ±0.064
   2   2  high           0.5  mixtral-8×7b      4   14.86 ±0.064   21.43 ±0.064  18.58 ±0.064  22.86 ±0.064  23.72 ±0.064  10.58 ±0.064  11.43 ±0.064  serves 75 %
   2   2  medium           1  llama-3.1-70b     4   13.72 ±0.064   22.01 ±0.064  19.01 ±0.064  16.58 ±0.064  18.86 ±0.064  16.15 ±0.064  18.43 ±0.064
   2   1  high           0.5  llama-3.1-70b     2   11.43 ±0.064   23.15 ±0.064  19.86 ±0.064  17.86 ±0.064  23.01 ±0.064  13.43 ±0.064  18.58 ±0.064
  
  e2e_p90_s (s)
      23.7 |                    .                     .
           |                 .                                             x
           |               x                                            .
           |                                    .                    .
           |         .                       x                     .
           |                              .
           |      .                     .                    .
           |   x                                          .
           | .                    x                     .
      20.2 |                   .
           |                 .                       x                    O
           |              .                                             x
           |                                   .                     O
           |                                 .                    O
           |        .                     x
           |      .                    .
           |   .                                            x
      17.1 |x                                             O
           +----------------------------------------------------------------
            10.3                          16.8                          23.3
            output_token_throughput (1/s)
  
            O on the front   . beaten   x saturated

Export: one row a cell.

  $ llmsweep export a.h5 --csv a.csv
  $ wc -l <a.csv
  97
  $ tr -d '\r' <a.csv | cut -d, -f1-17 | sed -n '1p;3p;4p'
  tp,pp,dp,ep,lod,workload.trace.time_scale,model,replica,status,reason,gpus,n_arrived,n_completed,n_rejected,n_unfinished,success_rate,success_rate_finished
  1,1,1,1,medium,0.5,llama-3.1-70b,1,infeasible,memory_weights,1,,,,,,
  1,1,1,1,medium,0.5,mixtral-8×7b,0,done,none,1,11.857142857142858,12.142857142857142,12.428571428571429,12.714285714285715,0.75,13.285714285714285
  $ llmsweep export a.h5 --csv - | cmp - a.csv

What may be wrong.

  $ llmsweep best a.h5 --by tftt_mean_s
  llmsweep best: a.h5 has no metric tftt_mean_s (did you mean ttft_mean_s?)
  [2]
  $ llmsweep best a.h5 --by step_time_s
  llmsweep best: a.h5 has no metric step_time_s; llmsweep show lists its metrics
  [2]
  $ llmsweep best a.h5 --where 'tp >'
  llmsweep best: --where: column 5: it ends where a number, a name or ( was expected
  [2]
  $ llmsweep best a.h5 --where 'speed > 1'
  llmsweep best: --where: column 1: unknown name speed
  [2]
  $ llmsweep best a.h5 --where 'tp > 100'
  llmsweep best: no cell of a.h5 fits; llmsweep show tells what is in it
  [1]
  $ llmsweep best a.h5 --pareto goodput
  llmsweep best: --pareto needs two metrics, such as output_token_throughput,ttft_p99_s
  Usage: llmsweep best CUBE.h5 [OPTION]...
  [2]
  $ llmsweep best a.h5 --top 0
  llmsweep best: --top needs a whole number above 0
  Usage: llmsweep best CUBE.h5 [OPTION]...
  [2]
  $ llmsweep best
  llmsweep best: needs one cube
  Usage: llmsweep best CUBE.h5 [OPTION]...
  [2]
  $ llmsweep show nowhere.h5
  llmsweep show: cannot open nowhere.h5: No such file or directory
  [2]
  $ llmsweep show .
  llmsweep show: cannot open .: not a regular file
  [2]
  $ echo notes >notes.h5; llmsweep best notes.h5
  llmsweep best: notes.h5 is no results cube: not an HDF5 file
  [2]
  $ llmsweep show a.h5 part.h5
  llmsweep show: needs one cube
  Usage: llmsweep show CUBE.h5 [--digest]
  [2]
  $ llmsweep export a.h5
  llmsweep export: needs --csv FILE
  Usage: llmsweep export CUBE.h5 --csv FILE
  [2]
  $ llmsweep export a.h5 --csv nowhere/a.csv
  llmsweep export: cannot write nowhere/a.csv: No such file or directory
  [2]
  $ llmsweep export a.h5 --csv /dev/full
  llmsweep export: cannot write /dev/full: No space left on device
  [1]
  $ llmsweep show a.h5 >/dev/full
  llmsweep: cannot write standard output: No space left on device
  [1]
