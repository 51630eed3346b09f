"""The four scripts. They know nothing: the program answers, so that none is ever out of date."""

from __future__ import annotations

from typing import Final

_BASH: Final = r"""
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
"""

_ZSH: Final = r"""
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
"""

_FISH: Final = r"""
# Completion of gptoss for fish; printed by: gptoss completion show fish

function __gptoss_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer ($words[1] __complete fish $words[2..] "$current" 2>/dev/null)
    switch "$answer[1]"
        case words
            printf '%s\n' $answer[2..]
        case files
            set -l option (string match -r -- '^--[^=]*=' $current)
            for path in (__fish_complete_path "$answer[2]")
                printf '%s\n' "$option$path"
            end
    end
end

complete --command gptoss --no-files --keep-order --arguments '(__gptoss_complete)'
"""

_POWERSHELL: Final = r"""
# Completion of gptoss for PowerShell; printed by: gptoss completion show powershell

Register-ArgumentCompleter -Native -CommandName gptoss -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object {
            if ($_ -is [Management.Automation.Language.StringConstantExpressionAst]) { $_.Value }
            else { $_.Extent.Text }
        })
    $env:_GPTOSS_WORDS = ($words + $wordToComplete) -join [char]0x1F
    try {
        gptoss __complete powershell | ConvertFrom-Json | ForEach-Object { $_ } | ForEach-Object {
            [Management.Automation.CompletionResult]::new(
                $_.text, $_.word, 'ParameterValue', $_.help)
        }
    }
    finally { Remove-Item Env:_GPTOSS_WORDS }
}
"""

SCRIPTS: Final = {
    name: text.lstrip()
    for name, text in (
        ("bash", _BASH),
        ("zsh", _ZSH),
        ("fish", _FISH),
        ("powershell", _POWERSHELL),
    )
}
FILES: Final = {
    "bash": "gptoss.bash",
    "zsh": "gptoss.zsh",
    "fish": "gptoss.fish",
    "powershell": "gptoss.ps1",
}
"""What they are called in ``completions/``."""
