What one run does, request by request and pass by pass.

  $ printf 'arrival_s,prompt_tokens,output_tokens\n0,100,3\n0,200,1\n1,99999,5\n2,50,2\n' >trace.csv
  $ cat >study.yaml <<END
  > model: llama-3.1-8b
  > cluster: {hardware: h100-sxm}
  > strategy: {tp: 2}
  > engine: {max_model_len: 4096, chat_template_char_s: 0, request_overhead_s: 0, prompt_token_overhead_s: 0, output_token_overhead_s: 0}
  > workload: {trace: {file: trace.csv}}
  > END
  $ llmsweep simulate study.yaml --requests requests.csv --timeline timeline.csv --trace trace.json >/dev/null
  $ cut -d, -f 1-9 requests.csv
  request,profile,pipeline,scheduler,outcome,prompt_tokens,output_tokens,generated_tokens,arrival_s
  1,0,0,0,completed,200,1,1,0.000000000000
  0,0,0,0,completed,100,3,3,0.000000000000
  2,0,0,0,rejected,99999,5,0,1.000000000000
  3,0,0,0,completed,50,2,2,2.000000000000
  $ cut -d, -f 1,2,4- timeline.csv
  pipeline,scheduler,waiting,running,kv_blocks,batch_tokens
  0,0,0,2,20,300
  0,0,0,1,7,1
  0,0,0,1,7,1
  0,0,0,0,0,0
  0,0,0,1,4,50
  0,0,0,1,4,1
  0,0,0,0,0,0
  $ python3 -c 'import json; print(sorted({event["name"] for event in json.load(open("trace.json"))["traceEvents"]}))'
  ['KV blocks 0', 'batch tokens 0', 'decode', 'pass', 'prefill', 'process_name', 'request 0', 'request 1', 'request 3', 'scheduler 0', 'thread_name', 'wait']
  $ llmsweep simulate study.yaml --set lod=high --trace high.json >/dev/null
  $ python3 -c 'import json; print(sorted({event["name"] for event in json.load(open("high.json"))["traceEvents"] if event["ph"] == "X"}))'
  ['block', 'collective', 'pass']

Nothing is left half-written, and devices are written to directly.

  $ llmsweep simulate study.yaml --requests nowhere/requests.csv
  llmsweep simulate: cannot write nowhere/requests.csv: No such file or directory
  [1]
  $ llmsweep simulate study.yaml --set lod=low --timeline low.csv
  llmsweep simulate: --requests, --timeline and --trace show serving at medium or high; set lod=medium
  [2]
  $ llmsweep simulate study.yaml --requests /dev/full >/dev/null
  llmsweep simulate: cannot write /dev/full: No space left on device
  [1]
  $ ls *.part low.csv 2>/dev/null
  [2]
