Recorded workloads, in several forms, told apart by their first line.

  $ cat >study.yaml <<END
  > model: llama-3.1-8b
  > cluster: {hardware: h100-sxm}
  > workload: {trace: {file: trace.csv}}
  > END
  $ printf 'arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,374,44\n4.314579,396,109\n' >trace.csv
  $ llmsweep validate study.yaml
  study.yaml: valid, 1 cell
  $ printf 'TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109\r\n' >trace.csv
  $ llmsweep validate study.yaml
  study.yaml: valid, 1 cell
  $ printf 'output_tokens,arrival_s,prompt_tokens\n44,0,374\n' >trace.csv
  $ llmsweep validate study.yaml
  study.yaml: valid, 1 cell

Some say what requests share: the parts of their prompts, or the session that they continue.

  $ printf '{"timestamp": 0, "input_length": 374, "output_length": 44, "hash_ids": [1]}\n{"timestamp": 27482, "input_length": 700, "output_length": 4, "hash_ids": [1, 2]}\n' >trace.csv
  $ llmsweep validate study.yaml
  study.yaml: valid, 1 cell
  $ printf 'arrival_s,prompt_tokens,output_tokens,session,prefix_hashes\n0,374,44,1,\n9,500,44,1,a b\n' >trace.csv
  $ llmsweep validate study.yaml
  study.yaml: valid, 1 cell

BurstGPT's, without what failed.

  $ printf 'Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n45,ChatGPT,1087,0,1087,Conversation log\n118,GPT-4,417,276,693,Conversation log\n' >trace.csv
  $ llmsweep simulate study.yaml | grep n_arrived
  n_arrived                                         2          requests arrived

Conversations have neither times nor tokens: their requests come as they are told to, with so many characters for each token.

  $ printf '[{"conversations": [{"value": "Is that all?"}, {"value": "It is."}]}, {"conversations": []}]' >trace.csv
  $ llmsweep validate study.yaml
  study.yaml:3:19: workload.trace.arrivals.process: the recording has no times; say how its requests arrive, such as {process: poisson, rate: 4}
  [2]
  $ cat >times.yaml <<END
  > model: llama-3.1-8b
  > cluster: {hardware: h100-sxm}
  > workload: {trace: {file: trace.csv, arrivals: {process: closed, concurrency: 1}}}
  > END
  $ llmsweep simulate times.yaml --requests /dev/stdout | head -2 | cut -d, -f 6-9
  prompt_tokens,output_tokens,generated_tokens,arrival_s
  3,2,2,0.000000000000
  $ llmsweep simulate times.yaml --set workload.trace.characters_per_token=3 --requests /dev/stdout | head -2 | cut -d, -f 6-9
  prompt_tokens,output_tokens,generated_tokens,arrival_s
  4,2,2,0.000000000000
  $ printf 'prompt_tokens,output_tokens\n700,50\n10,2\n' >trace.csv
  $ llmsweep validate study.yaml
  study.yaml:3:19: workload.trace.arrivals.process: the recording has no times; say how its requests arrive, such as {process: poisson, rate: 4}
  [2]
  $ llmsweep simulate times.yaml --requests /dev/stdout | head -3 | cut -d, -f 5-8
  outcome,prompt_tokens,output_tokens,generated_tokens
  completed,700,50,50
  completed,10,2,2
  $ llmsweep validate times.yaml --set workload.trace.arrivals.process=poisson
  times.yaml:3:47: workload.trace.arrivals.rate: poisson arrivals need it
  [2]
  $ llmsweep validate study.yaml --set workload.trace.arrivals.rate=3
  --set: workload.trace.arrivals.process: the recording has no times; say how its requests arrive, such as {process: poisson, rate: 4}
  [2]

  $ printf 'output_tokens,arrival_s,prompt_tokens\n44,0,374\n' >trace.csv

What may be wrong with one.

  $ printf 'arrival_s,prompt_tokens,output_tokens\n0,374,44\n-1,374,44\n1,0,44\n2,374,1.5\n3,374\n4,5,6,7\n9e6,1,1\n1e7,1,1\nx,1,1\n' >trace.csv
  $ llmsweep validate study.yaml
  trace.csv:3:1: arrival_s: -1 will not do; write seconds such as 4.31, at most 9000000
  trace.csv:4:3: prompt_tokens: 0 will not do; write a whole number from 1 to 2147483647
  trace.csv:5:7: output_tokens: 1.5 will not do; write a whole number from 1 to 2147483647
  trace.csv:6:1: 2 fields; the first line has 3
  trace.csv:7:1: 4 fields; the first line has 3
  trace.csv:9:1: arrival_s: 1e7 will not do; write seconds such as 4.31, at most 9000000
  trace.csv:10:1: arrival_s: x will not do; write seconds such as 4.31, at most 9000000
  [2]
  $ printf 'arrival_s,prompt_tokens,output_tokens\n' >trace.csv
  $ llmsweep validate study.yaml
  trace.csv: no requests in it
  [2]
  $ printf 'time,in,out\n0,374,44\n' >trace.csv
  $ llmsweep validate study.yaml
  trace.csv:1:1: no known columns; the first line must name TIMESTAMP, ContextTokens, GeneratedTokens (azure) or arrived_at, num_prefill_tokens, num_decode_tokens (vidur) or Timestamp, Request tokens, Response tokens (burstgpt) or arrival_s, prompt_tokens, output_tokens (csv, where arrival_s may be missing)
  [2]
  $ llmsweep validate study.yaml --set workload.trace.format=burstgpt
  trace.csv:1:1: no known columns; the first line must name TIMESTAMP, ContextTokens, GeneratedTokens (azure) or arrived_at, num_prefill_tokens, num_decode_tokens (vidur) or Timestamp, Request tokens, Response tokens (burstgpt) or arrival_s, prompt_tokens, output_tokens (csv, where arrival_s may be missing)
  [2]
  $ printf '{"timestamp": 0, "input_length": 374, "output_length": 44, "hash_ids": [1]}\n{"timestamp": 1}\n{"timestamp": 2, "input_length": 374, "output_length": 44, "hash_ids": [1, x]}\n' >trace.csv
  $ llmsweep validate study.yaml
  trace.csv:2:1: not a request; write {"timestamp": milliseconds, "input_length": tokens, "output_length": tokens, "hash_ids": [a number for every 512 tokens of the input]}
  trace.csv:3:1: hash_ids: not a list of numbers
  [2]
  $ llmsweep validate study.yaml --set workload.trace.file=azure_2023_conf.csv
  --set: workload.trace.file: no workload azure_2023_conf.csv (did you mean azure_2023_conv.csv?)
  [2]
  $ printf 'arrival_s,prompt_tokens,output_tokens\n0,3\0004,44\n' >trace.csv
  $ llmsweep validate study.yaml
  trace.csv: not text; a CSV or JSON lines file was expected
  [2]
  $ { echo 'arrival_s,prompt_tokens,output_tokens'; yes x,1,1 | head -50; } >trace.csv
  $ llmsweep validate study.yaml 2>&1 | wc -l
  21
  $ llmsweep validate study.yaml 2>&1 | tail -1
  trace.csv: too many faults; the rest is not read

A trace and profiles exclude each other.

  $ printf 'arrival_s,prompt_tokens,output_tokens\n0,374,44\n' >trace.csv
  $ cat >>study.yaml <<END
  > sweep: {axes: {workload.trace.file: [trace.csv, azure_2023_conv.csv]}}
  > END
  $ llmsweep validate study.yaml
  study.yaml: valid, 2 cells
  $ llmsweep validate study.yaml --set 'workload.profiles=[{name: chat, arrivals: {rate: 1}}]'
  study.yaml:3:11: workload: profiles and a trace exclude each other; keep one of them
  [2]
