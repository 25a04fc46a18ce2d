The program itself: help, unknown commands and options. Help goes to standard output, complaints to standard error.

  $ llmsweep --version >/dev/null
  $ llmsweep --help 2>/dev/null | head -4
  llmsweep 0.1.0: which deployment of this model on these GPUs is best?
  
  Usage: llmsweep COMMAND [ARGUMENT]...
  
  $ llmsweep 2>/dev/null
  [2]
  $ llmsweep validat
  llmsweep: unknown command validat (did you mean validate?); llmsweep --help lists the commands
  [2]
  $ llmsweep frobnicate
  llmsweep: unknown command frobnicate; llmsweep --help lists the commands
  [2]
  $ llmsweep validate
  llmsweep validate: give one study file
  Usage: llmsweep validate STUDY.yaml [--set KEY=VALUE]...
  [2]
  $ llmsweep validate --st tp=3
  llmsweep validate: unknown option --st
  Usage: llmsweep validate STUDY.yaml [--set KEY=VALUE]...
  [2]
  $ llmsweep validate x.yaml --set
  llmsweep validate: option --set needs a value
  Usage: llmsweep validate STUDY.yaml [--set KEY=VALUE]...
  [2]
  $ llmsweep validate --help
  Usage: llmsweep validate STUDY.yaml [--set KEY=VALUE]...
  
  Check a study: every error at once, with line and column.
  
  Options:
    --set KEY=VALUE  lay a value over the file, as run does
  
  Example:
    llmsweep validate configs/studies/first.yaml

Every command's help shows an example.

  $ llmsweep --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | while read -r command; do
  >   llmsweep "$command" --help | grep -A1 '^Example' >/dev/null || echo "no example: $command"
  > done
