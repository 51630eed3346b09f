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
