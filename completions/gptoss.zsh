#compdef gptoss

_gptoss_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _GPTOSS_COMPLETE=complete_zsh gptoss)
}

compdef _gptoss_completion gptoss
