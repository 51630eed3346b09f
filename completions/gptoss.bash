# Completion of gptoss for bash; printed by: gptoss completion show bash

_gptoss() {
    local answer kind
    answer=$("$1" __complete bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    kind=${answer%%$'\n'*}
    COMPREPLY=()
    # Where nothing is offered, bash offers files (-o default), which is right for "files" only.
    # Bash 3 has no compopt: it does so always.
    case $kind in
        files) ;;
        words)
            local IFS=$'\n'
            set -f
            COMPREPLY=(${answer#*$'\n'})
            set +f
            compopt -o nosort 2>/dev/null
            case ${COMPREPLY[0]} in --*=) compopt -o nospace 2>/dev/null ;; esac
            ;;
        *) compopt +o default 2>/dev/null ;;
    esac
}

complete -o default -F _gptoss gptoss
