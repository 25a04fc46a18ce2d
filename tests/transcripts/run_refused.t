Whatever can be refused is refused before a cell runs, and nothing that was there is lost.

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
  > sweep: {axes: {tp: [1, 2, 3]}}
  > END

An output folder that does not exist, a cube that is a folder, one that cannot be written.

  $ llmsweep run study.yaml -o nowhere/a.h5 --quiet
  llmsweep: error: nowhere: no such folder; create it (mkdir -p), or write elsewhere with -o
  [2]
  $ mkdir folder.h5
  $ llmsweep run study.yaml -o folder.h5 --quiet
  llmsweep: error: folder.h5 is a folder; name a file in it
  [2]
  $ llmsweep run study.yaml -o /proc/a.h5 --quiet
  llmsweep: error: cannot open the journal /proc/a.h5.journal: No such file or directory
  [2]

A cube that exists already, of this study and of another; a file that is no cube.

  $ llmsweep run study.yaml -o a.h5 --quiet
  $ llmsweep show a.h5 --digest >digest
  $ llmsweep run study.yaml -o a.h5 --quiet
  llmsweep: error: a.h5 exists already; --resume goes on with it, --overwrite starts anew, -o writes elsewhere
  [2]
  $ llmsweep run study.yaml -o a.h5 --quiet --resume
  llmsweep: info: nothing to do: the cube is complete
  $ llmsweep run study.yaml -o a.h5 --quiet --resume --set seed=7
  llmsweep: error: a.h5 holds another study; --overwrite replaces it, -o writes elsewhere
  [2]
  $ echo 'my thesis' >b.h5
  $ llmsweep run study.yaml -o b.h5 --quiet
  llmsweep: error: b.h5 exists already; --resume goes on with it, --overwrite starts anew, -o writes elsewhere
  [2]
  $ llmsweep run study.yaml -o b.h5 --quiet --resume
  llmsweep: error: b.h5 is no results cube: not an HDF5 file
  [2]
  $ cat b.h5
  my thesis
  $ llmsweep show a.h5 --digest | cmp - digest

A journal of another study; one whose tail is torn off; one that is none.

  $ llmsweep run study.yaml -o c.h5 --quiet --max-seconds 0
  llmsweep: info: stopped after 0 s; --resume goes on
  [3]
  $ ls
  a.h5
  b.h5
  c.h5
  c.h5.journal
  digest
  folder.h5
  study.yaml
  $ llmsweep run study.yaml -o c.h5 --quiet --resume --set seed=7
  llmsweep: error: c.h5.journal belongs to another study; keys that differ: seed; start anew with --overwrite, or write to another cube
  [2]
  $ llmsweep run study.yaml -o c.h5 --quiet
  llmsweep: error: c.h5 exists already; --resume goes on with it, --overwrite starts anew, -o writes elsewhere
  [2]
  $ truncate -s -3 c.h5.journal
  $ llmsweep run study.yaml -o c.h5 --quiet --resume
  $ llmsweep show c.h5 --digest | cmp - digest
  $ echo 'my diary' >d.h5.journal
  $ llmsweep run study.yaml -o d.h5 --quiet --resume
  llmsweep: error: d.h5.journal is no journal of llmsweep; remove it, or write to another cube
  [2]
  $ cat d.h5.journal
  my diary

A full disk, as far as a limit on the size of files is one.

  $ (ulimit -f 32; trap '' XFSZ; llmsweep run study.yaml -o e.h5 --quiet)
  llmsweep: error: cannot write e.h5.part: File too large
  [1]
  $ ls e.h5*
  e.h5.journal
  $ llmsweep run study.yaml -o e.h5 --quiet --resume
  $ llmsweep show e.h5 --digest | cmp - digest

Options that contradict each other, and values that are none.

  $ llmsweep run study.yaml -o a.h5 --resume --overwrite
  llmsweep run: --resume and --overwrite exclude each other
  Usage: llmsweep run STUDY.yaml [-o CUBE.h5] [OPTION]...
  [2]
  $ llmsweep run study.yaml --max-seconds soon
  llmsweep run: --max-seconds needs a number of seconds, 0 or more
  Usage: llmsweep run STUDY.yaml [-o CUBE.h5] [OPTION]...
  [2]
  $ llmsweep run study.yaml --progress loud
  llmsweep run: --progress is auto, bar, log or none
  Usage: llmsweep run STUDY.yaml [-o CUBE.h5] [OPTION]...
  [2]
  $ llmsweep run study.yaml -o
  llmsweep run: option -o needs a value
  Usage: llmsweep run STUDY.yaml [-o CUBE.h5] [OPTION]...
  [2]
  $ llmsweep run study.yaml --set tp=1.5 -o f.h5
  --set: sweep.axes.tp: 1.5 is not a whole number; write a whole number from 1 to 1000000
  [2]
  $ llmsweep run
  llmsweep run: give one study file
  Usage: llmsweep run STUDY.yaml [-o CUBE.h5] [OPTION]...
  [2]
