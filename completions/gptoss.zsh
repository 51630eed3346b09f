#compdef gptoss
# Completion of gptoss for zsh; printed by: gptoss completion show zsh

_gptoss() {
    local -a answer
    local program=${(Q)words[1]}
    (( $+commands[$program] )) || [[ -x $program ]] || program=gptoss
    local -a before=("${(@Q)words[2,CURRENT-1]}")
    answer=("${(@f)$($program __complete zsh "$before[@]" "${(Q)PREFIX}" 2>/dev/null)}")
    # The value of --option=value is a word of its own from here on.
    [[ $PREFIX == --*=* ]] && compset -P '*='
    case $answer[1] in
        files) _files ;;
        words)
            shift answer
            local -a values=("${(@)answer%%$'\t'*}") shown
            # Not _describe, which sorts: conversations come with the newest first.
            if [[ $answer[1] != *$'\t'* ]]; then
                compadd -V gptoss -a values
                return
            fi
            local line
            local -i widest=${#${(O@)values//?/.}[1]}
            for line in "$answer[@]"; do
                line="${(mr:widest:)line%%$'\t'*}  -- ${line#*$'\t'}"
                shown+=("${(mr:COLUMNS-1:)line}")
            done
            compadd -l -V gptoss -d shown -a values
            ;;
        *) return 1 ;;
    esac
}

if [[ $funcstack[1] == _gptoss ]]; then
    _gptoss "$@"
else
    compdef _gptoss gptoss
fi
