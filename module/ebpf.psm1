# The module: what the cmdlets share (private/), then the cmdlets, one exported function a file. No logic is here; the
# manifest says what is exported.
Set-StrictMode -Version 3.0

$script:ProjectRoot = [System.IO.Path]::GetDirectoryName($PSScriptRoot)
foreach ($folder in [System.IO.Path]::Combine($PSScriptRoot, 'private'), [System.IO.Path]::Combine($ProjectRoot, 'cmdlets')) {
    foreach ($file in [System.IO.Directory]::GetFiles($folder, '*.ps1')) { . $file }
}

$ExecutionContext.SessionState.Module.OnRemove = { Close-EbpfConnection }
