# Syntax and calls that Windows PowerShell 5.1 does not have; syntax.test.ts shows with it that its scan works.
$x = $true ? 1 : 2
Get-Item . && Get-Item .. || Get-Item /
$y = $null ?? 3
$y ??= 4
${x}?.Length
${x}?[0]
"$('{}' | ConvertFrom-Json -AsHashtable)"
Get-Uptime
