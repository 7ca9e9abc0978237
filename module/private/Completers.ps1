# Completion from what lives in the service. Answers are kept for a moment, so that a second Tab is instant; nothing
# here throws, and only completion of hooks starts a service (what follows it needs one anyway).

$script:CompletionMilliseconds = 2000
$script:CompletionCache = @{}

<# The answer of a list method, at most that old. Empty if there is no service. #>
function Get-EbpfCompletionRecord {
    param([string] $Method, [hashtable] $Parameters = @{}, [string] $Key = $Method, [switch] $Start)
    $cached = $script:CompletionCache[$Key]
    if ($null -ne $cached -and $cached.Clock.ElapsedMilliseconds -lt $script:CompletionMilliseconds) { return $cached.Records }
    try { $records = @(Invoke-EbpfService $Method $Parameters -NoStart:(-not $Start)) }
    catch {
        Clear-EbpfError $_
        $records = @()
    }
    $script:CompletionCache[$Key] = @{ Clock = [System.Diagnostics.Stopwatch]::StartNew(); Records = $records }
    $records
}

<# A completion: quoted where the text needs it. #>
function New-EbpfCompletion {
    param([string] $Text, [string] $ToolTip)
    $quoted = $Text
    if ($Text -notmatch '^[\w.\-/\\:]+$' -or $Text.StartsWith('-')) { $quoted = "'" + $Text.Replace("'", "''") + "'" }
    if (-not $ToolTip) { $ToolTip = $Text }
    [System.Management.Automation.CompletionResult]::new($quoted, $Text, 'ParameterValue', $ToolTip)
}

# What is completed -> rows of @(text, tooltip), given the parameters typed so far.
$script:CompletionRows = @{
    Program   = {
        foreach ($record in Get-EbpfCompletionRecord program.list) {
            , @($record.name, "program $($record.id), $($record.type), $($record.file)")
        }
    }
    ProgramId = {
        foreach ($record in Get-EbpfCompletionRecord program.list) { , @([string]$record.id, $record.name) }
    }
    Map       = {
        foreach ($record in Get-EbpfCompletionRecord map.list) {
            , @($record.name, "map $($record.id), $($record.type), $($record.entries) of $($record.maxEntries) entries")
        }
    }
    MapId     = {
        foreach ($record in Get-EbpfCompletionRecord map.list) { , @([string]$record.id, $record.name) }
    }
    Ring      = {
        foreach ($record in Get-EbpfCompletionRecord map.list) {
            if ($record.type -eq 'ringbuf') { , @($record.name, "map $($record.id), $($record.entries) records wait") }
        }
    }
    RingId    = {
        foreach ($record in Get-EbpfCompletionRecord map.list) {
            if ($record.type -eq 'ringbuf') { , @([string]$record.id, $record.name) }
        }
    }
    Interface = {
        foreach ($record in Get-EbpfCompletionRecord interface.list) { , @($record.name, "$($record.kind) interface") }
    }
    Hook      = {
        foreach ($record in Get-EbpfCompletionRecord platform.hooks -Start) {
            if ($record.available) { , @($record.name, $record.description) }
        }
    }
    Type      = {
        foreach ($record in Get-EbpfCompletionRecord platform.hooks -Start) {
            , @($record.programType, "programs of type $($record.programType)")
        }
    }
    Adapter   = {
        foreach ($adapter in [System.Net.NetworkInformation.NetworkInterface]::GetAllNetworkInterfaces()) {
            , @($adapter.Name, $adapter.Description)
        }
    }
    Filter    = {
        , @('udp', 'datagrams')
        , @('udp.DstPort == 53', 'DNS queries')
        , @('udp.PayloadLength == 0', 'empty datagrams')
        , @('tcp', 'segments')
        , @('tcp.DstPort == 443', 'segments to HTTPS')
        , @('icmp or icmpv6', 'ICMP')
    }
    Function  = {
        param($bound)
        $file = Get-EbpfBoundFile $bound
        if (-not $file) { return }
        foreach ($record in Get-EbpfCompletionRecord object.sections @{ file = $file } "sections $file" -Start) {
            foreach ($name in $record.programs) { , @($name, "in section $($record.section)") }
        }
    }
}

<# The first file the command line names already, if it is there. #>
function Get-EbpfBoundFile {
    param([System.Collections.IDictionary] $Bound)
    foreach ($name in 'LiteralPath', 'Path') {
        if (-not $Bound.Contains($name)) { continue }
        $path = @($Bound[$name])[0]
        $provider = $null
        try { return @($ExecutionContext.SessionState.Path.GetResolvedProviderPathFromPSPath($path, [ref]$provider))[0] }
        catch {
            Clear-EbpfError $_
            return $null
        }
    }
}

# Command and parameter -> what completes it. The registrations below name the same pairs; a test holds them equal.
$script:Completions = @{
    'Get-EbpfProgram Name'         = 'Program'
    'Get-EbpfProgram Id'           = 'ProgramId'
    'Remove-EbpfProgram Name'      = 'Program'
    'Remove-EbpfProgram Id'        = 'ProgramId'
    'Get-EbpfMap Name'             = 'Map'
    'Get-EbpfMap Id'               = 'MapId'
    'Get-EbpfMapEntry Name'        = 'Map'
    'Get-EbpfMapEntry Id'          = 'MapId'
    'Receive-EbpfRingBuffer Name'  = 'Ring'
    'Receive-EbpfRingBuffer Id'    = 'RingId'
    'Get-EbpfInterface Name'       = 'Interface'
    'Remove-EbpfInterface Name'    = 'Interface'
    'Add-EbpfProgram Interface'    = 'Interface'
    'Add-EbpfProgram Hook'         = 'Hook'
    'Add-EbpfProgram Program'      = 'Function'
    'Test-EbpfProgram Program'     = 'Function'
    'Test-EbpfProgram Type'        = 'Type'
    'Get-EbpfDisassembly Program'  = 'Function'
    'New-EbpfInterface Adapter'    = 'Adapter'
    'New-EbpfInterface Filter'     = 'Filter'
}

<# The one completer behind all of them. #>
$script:Complete = {
    param($commandName, $parameterName, $wordToComplete, $commandAst, $fakeBoundParameters)
    try {
        $word = $wordToComplete.Trim("'", '"')
        $rows = $script:CompletionRows[$script:Completions["$commandName $parameterName"]]
        $seen = @{}
        foreach ($item in & $rows $fakeBoundParameters) {
            if ($seen.ContainsKey($item[0]) -or -not $item[0].StartsWith($word, [StringComparison]::OrdinalIgnoreCase)) { continue }
            $seen[$item[0]] = $true
            New-EbpfCompletion $item[0] $item[1]
        }
    }
    catch { Clear-EbpfError $_ }
}
# Written out: a loop of this many rounds would be compiled as the module is imported, which takes longer than all else.
Register-ArgumentCompleter -ParameterName Name -ScriptBlock $script:Complete -CommandName 'Get-EbpfProgram', 'Remove-EbpfProgram', 'Get-EbpfMap', 'Get-EbpfMapEntry', 'Receive-EbpfRingBuffer', 'Get-EbpfInterface', 'Remove-EbpfInterface'
Register-ArgumentCompleter -ParameterName Id -ScriptBlock $script:Complete -CommandName 'Get-EbpfProgram', 'Remove-EbpfProgram', 'Get-EbpfMap', 'Get-EbpfMapEntry', 'Receive-EbpfRingBuffer'
Register-ArgumentCompleter -ParameterName Program -ScriptBlock $script:Complete -CommandName 'Add-EbpfProgram', 'Test-EbpfProgram', 'Get-EbpfDisassembly'
Register-ArgumentCompleter -ParameterName Interface -ScriptBlock $script:Complete -CommandName 'Add-EbpfProgram'
Register-ArgumentCompleter -ParameterName Hook -ScriptBlock $script:Complete -CommandName 'Add-EbpfProgram'
Register-ArgumentCompleter -ParameterName Adapter -ScriptBlock $script:Complete -CommandName 'New-EbpfInterface'
Register-ArgumentCompleter -ParameterName Filter -ScriptBlock $script:Complete -CommandName 'New-EbpfInterface'
Register-ArgumentCompleter -ParameterName Type -ScriptBlock $script:Complete -CommandName 'Test-EbpfProgram'
