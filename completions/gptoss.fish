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
