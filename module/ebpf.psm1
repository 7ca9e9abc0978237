# The module: what the cmdlets share (private/), then the cmdlets, one exported function a file. No logic is here; the
# manifest says what is exported. All files are run as one script: each on its own takes half as long again to import.
Set-StrictMode -Version 3.0

$script:ProjectRoot = [System.IO.Path]::GetDirectoryName($PSScriptRoot)
$text = [System.Text.StringBuilder]::new()
foreach ($folder in [System.IO.Path]::Combine($PSScriptRoot, 'private'), [System.IO.Path]::Combine($ProjectRoot, 'cmdlets')) {
    foreach ($file in [System.IO.Directory]::GetFiles($folder, '*.ps1')) { $null = $text.AppendLine([System.IO.File]::ReadAllText($file)) }
}
. ([scriptblock]::Create($text.ToString()))

$ExecutionContext.SessionState.Module.OnRemove = { Close-EbpfConnection }
