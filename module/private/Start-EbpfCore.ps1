# Runs the core that belongs to this module: the bundle dist/ebpf.cjs as installed, or the source core/cli/main.ts of a
# checkout. Knows where Node is looked for, and nothing of what the core does.

$script:LeastNode = [version]'22.18'
$script:StartMilliseconds = 40000

<# Runs `ebpf service start`, which ends once the service is ready. Throws the error it ended with. #>
function Start-EbpfCore {
    $null = Invoke-EbpfCore 'service', 'start'
}

<# Runs the command line with these words, and gives what it answers. Throws the error it ended with. #>
function Invoke-EbpfCore {
    param([string[]] $Words)
    $start = [System.Diagnostics.ProcessStartInfo]::new()
    $start.FileName = Find-EbpfNode
    # ArgumentList would quote by itself, but .NET Framework has none.
    $quoted = @(foreach ($word in @(Find-EbpfCore) + $Words + '--json') { ConvertTo-EbpfArgument $word })
    $start.Arguments = '--disable-warning=ExperimentalWarning ' + ($quoted -join ' ')
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $process = [System.Diagnostics.Process]::Start($start)
    try {
        $process.StandardInput.Close()
        $output = $process.StandardOutput.ReadToEndAsync()
        $errors = $process.StandardError.ReadToEndAsync()
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        while (-not $process.WaitForExit($script:PollMilliseconds)) {
            if ($clock.ElapsedMilliseconds -gt $script:StartMilliseconds) {
                $process.Kill()
                throw (New-EbpfException ServiceUnresponsive "'ebpf $Words' did not end in time." -Fatal)
            }
        }
        ConvertFrom-EbpfAnswer $Words $process.ExitCode $output.Result $errors.Result
    }
    finally { $process.Dispose() }
}

<# A word of a command line as Windows' programs take it apart, and .NET everywhere. #>
function ConvertTo-EbpfArgument {
    param([string] $Word)
    '"' + (($Word -replace '(\\*)"', '$1$1\"') -replace '(\\+)$', '$1$1') + '"'
}

<# What the command line printed, as an object. Also where it ends with another code than 0, if it printed no error. #>
function ConvertFrom-EbpfAnswer {
    param([string[]] $Words, [int] $ExitCode, [string] $Output, [string] $Errors)
    $answer = $null
    if ($ExitCode -eq 0 -or -not $Errors.Trim()) {
        try { return ConvertFrom-EbpfJson $Output } catch { Clear-EbpfError $_ }
    }
    try { $answer = ConvertFrom-EbpfJson $Errors } catch { Clear-EbpfError $_ }
    $facts = Get-EbpfMember $answer 'error'
    # A crash has no JSON.
    if ($null -eq $facts) { throw (New-EbpfException InternalError "'ebpf $Words' failed: $($Errors.Trim())" -Fatal) }
    throw (ConvertTo-EbpfException ([pscustomobject]@{ message = $facts.message; data = $facts }))
}

<#
The script that is the core: what EBPF_CORE names, else the bundle, else the source. In a checkout the bundle counts only
while no source is newer: who changes the core wants to see the change.
#>
function Find-EbpfCore {
    $named = [Environment]::GetEnvironmentVariable('EBPF_CORE')
    $source = [System.IO.Path]::Combine($script:ProjectRoot, 'core', 'cli', 'main.ts')
    $bundle = [System.IO.Path]::Combine($script:ProjectRoot, 'dist', 'ebpf.cjs')
    if (-not $named) {
        $hasSource = [System.IO.File]::Exists($source)
        if ([System.IO.File]::Exists($bundle) -and -not ($hasSource -and (Test-EbpfNewerSource $bundle))) { return $bundle }
        if ($hasSource) { return $source }
        $named = $bundle
    }
    if ([System.IO.File]::Exists($named)) { return $named }
    throw (New-EbpfException ToolMissing "The core is missing: there is no $named." -Target $named -Fatal)
}

function Test-EbpfNewerSource {
    param([string] $Bundle)
    $built = [System.IO.File]::GetLastWriteTimeUtc($Bundle)
    foreach ($file in [System.IO.Directory]::GetFiles([System.IO.Path]::Combine($script:ProjectRoot, 'core'), '*.ts', 'AllDirectories')) {
        if ([System.IO.File]::GetLastWriteTimeUtc($file) -gt $built) { return $true }
    }
    $false
}

<# Node: the one beside the module, else the one on PATH if it is new enough. #>
function Find-EbpfNode {
    $name = if ([System.IO.Path]::DirectorySeparatorChar -eq '\') { 'node.exe' } else { 'node' }
    foreach ($parts in @($name), @('node_modules', 'node', 'bin', $name)) {
        $file = [System.IO.Path]::Combine([string[]](@($script:ProjectRoot) + $parts))
        if ([System.IO.File]::Exists($file)) { return $file }
    }
    $path = [Environment]::GetEnvironmentVariable('PATH')
    foreach ($folder in $path.Split([System.IO.Path]::PathSeparator)) {
        if (-not $folder) { continue }
        $file = [System.IO.Path]::Combine($folder, $name)
        if ([System.IO.File]::Exists($file) -and (Test-EbpfNode $file)) { return $file }
    }
    throw (New-EbpfException ToolMissing "Node $script:LeastNode or newer is neither beside the module nor on PATH." -Target $name -Fatal)
}

function Test-EbpfNode {
    param([string] $File)
    $start = [System.Diagnostics.ProcessStartInfo]::new($File, '--version')
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardOutput = $true
    $process = [System.Diagnostics.Process]::Start($start)
    try {
        $text = $process.StandardOutput.ReadToEnd().Trim().TrimStart('v')
        $found = $null
        [version]::TryParse($text, [ref]$found) -and $found -ge $script:LeastNode
    }
    finally { $process.Dispose() }
}
