What a study would do, before it does it. tp: 3 does not divide 32 heads, tp * dp of 16 is more than 8 GPUs: cells that
cannot run are counted by their reason.

  $ cat >study.yaml <<END
  > model: llama-3.1-8b
  > cluster: {hardware: h100-sxm}
  > workload:
  >   max_requests: 10
  >   profiles:
  >     - name: chat
  >       arrivals: {rate: 4}
  >       prompt_tokens: {dist: constant, value: 50}
  >       output_tokens: {dist: constant, value: 10}
  > sweep:
  >   axes:
  >     tp: [1, 2, 3, 4]
  >     dp: {pow2: [1, 4]}
  >     workload.profiles.chat.arrivals.rate: [1, 2, 4, 8]
  >   where: "not (tp == 1 and dp == 4)"
  >   replicas: 2
  > END
  $ llmsweep plan study.yaml | sed -E "s/about .* s on/about N s on/; s/cost  about .*/cost  about N/"
  axis                                  points  values
  tp                                         4  1 … 4
  pp                                         1  1
  dp                                         3  1 … 4
  ep                                         1  1
  lod                                        1  medium
  workload.profiles.chat.arrivals.rate       4  1 … 8
  replica                                    2  0 1
  
  96 cells
    feasible                   56
    excluded                    8  the study's where clause leaves it out
    tp_heads                   16  tp does not divide the attention heads
    gpus                       16  more GPUs than the cluster has
  
  cost  about N
  time  about N s on one core, judging by 56 cells; n ranks need an nth of it

A study in which nothing can run costs nothing.

  $ llmsweep plan study.yaml --set tp=3
  axis                                  points  values
  tp                                         1  3
  pp                                         1  1
  dp                                         3  1 … 4
  ep                                         1  1
  lod                                        1  medium
  workload.profiles.chat.arrivals.rate       4  1 … 8
  replica                                    2  0 1
  
  24 cells
    feasible                    0
    tp_heads                   16  tp does not divide the attention heads
    gpus                        8  more GPUs than the cluster has

Bad input is that of validate.

  $ llmsweep plan study.yaml --set tp=1.5
  --set: sweep.axes.tp: 1.5 is not a whole number; write a whole number from 1 to 1000000
  [2]
  $ llmsweep plan
  llmsweep plan: give one study file
  Usage: llmsweep plan STUDY.yaml [--set KEY=VALUE]...
  [2]

A search runs fewer cells than there are; the estimate is for all of them.

  $ llmsweep plan study.yaml --set 'sweep.search={method: halving, by: [goodput], keep: 50%}' | tail -1
  That is for every cell; the search will run fewer.
