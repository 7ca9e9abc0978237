# The module: what the cmdlets share (private/), then the cmdlets, one exported function a file. No logic is here; the
# manifest says what is exported.
Set-StrictMode -Version 3.0

$script:ProjectRoot = [System.IO.Path]::GetDirectoryName($PSScriptRoot)
# A pipeline: the engine would stop to compile a loop of this many rounds.
[System.IO.Directory]::GetFiles([System.IO.Path]::Combine($PSScriptRoot, 'private'), '*.ps1') +
    [System.IO.Directory]::GetFiles([System.IO.Path]::Combine($ProjectRoot, 'cmdlets'), '*.ps1') | ForEach-Object { . $_ }

$ExecutionContext.SessionState.Module.OnRemove = { Close-EbpfConnection }
