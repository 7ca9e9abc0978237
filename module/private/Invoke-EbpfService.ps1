# One JSON-RPC call: the only door to the service. Starts the service when none runs, shows its progress, and tells it
# to stop what it does when the user presses Ctrl-C. Knows no method's meaning.

# Raised together with core/service/methods.ts.
$script:ProtocolVersion = 1
$script:GreetingMilliseconds = 10000
$script:SilenceMilliseconds = 60000
# Methods that change nothing.
$script:Asking = '^(object|platform)\.|\.(list|get|dump|lookup|stats|status)$'

<#
The result of a method. Throws the service's error as an exception that New-EbpfErrorRecord understands.
-NoStart: ServiceNotRunning instead of starting one. -Activity: show progress under this name.
#>
function Invoke-EbpfService {
    param(
        [string] $Method,
        [hashtable] $Parameters = @{},
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [string] $Activity,
        [switch] $NoStart
    )
    $socket = (Get-EbpfServicePath).Socket
    if ($null -ne $script:Connection -and $script:Connection.Socket -ne $socket) { Close-EbpfConnection }
    if ($null -ne $script:Connection) {
        $answer = Invoke-EbpfRequest -Method $Method -Parameters $Parameters -Cmdlet $Cmdlet -Activity $Activity
        # The service has ended since: the request was not seen or changes nothing, and is made again.
        if ($null -ne $answer) { return $answer.Result }
    }
    Connect-EbpfService -Socket $socket -Cmdlet $Cmdlet -NoStart:$NoStart
    $answer = Invoke-EbpfRequest -Method $Method -Parameters $Parameters -Cmdlet $Cmdlet -Activity $Activity
    if ($null -eq $answer) { throw (New-EbpfException ServiceNotRunning 'The service ended.' -Target $socket -Fatal) }
    $answer.Result
}

<# Opens the connection and greets; starts the service if need be. #>
function Connect-EbpfService {
    param([string] $Socket, [System.Management.Automation.PSCmdlet] $Cmdlet, [switch] $NoStart)
    $connection = Open-EbpfConnection $Socket
    if ($null -eq $connection) {
        if ($NoStart) { throw (New-EbpfException ServiceNotRunning "No service listens on $Socket." -Target $Socket -Fatal) }
        if ($null -ne $Cmdlet) { $Cmdlet.WriteVerbose("No service listens on $Socket; starting one.") }
        Start-EbpfCore
        $connection = Wait-EbpfConnection $Socket
    }
    $script:Connection = $connection
    $greeting = Invoke-EbpfRequest -Method initialize -Parameters @{ protocol = $script:ProtocolVersion; client = 'powershell' } -TimeoutMilliseconds $script:GreetingMilliseconds
    if ($null -eq $greeting) { throw (New-EbpfException ServiceNotRunning 'The service ended as it was greeted.' -Target $Socket -Fatal) }
    if ($null -ne $Cmdlet) { $Cmdlet.WriteVerbose("Connected to the service of process $($greeting.Result.processId), version $($greeting.Result.version).") }
}

<# The service says that it is ready before it can be connected to only when another client starts it as well. #>
function Wait-EbpfConnection {
    param([string] $Socket)
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while ($clock.ElapsedMilliseconds -lt $script:GreetingMilliseconds) {
        $connection = Open-EbpfConnection $Socket
        if ($null -ne $connection) { return $connection }
        [System.Threading.Thread]::Sleep(20)
    }
    throw (New-EbpfException ServiceUnresponsive "The service was started and does not listen on $Socket." -Target $Socket -Fatal)
}

<#
Sends and awaits the answer: @{ Result }, or $null if the service ended and the request can be made again: because it
was not sent whole, or because it only asks. What may have changed something is an error.
#>
function Invoke-EbpfRequest {
    param(
        [string] $Method,
        [hashtable] $Parameters,
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [string] $Activity,
        [int] $TimeoutMilliseconds = $script:SilenceMilliseconds
    )
    $connection = $script:Connection
    $connection.LastId++
    $id = $connection.LastId
    $sent = $Parameters.Clone()
    if ($Activity) { $sent['progressToken'] = $id }
    if (-not (Send-EbpfMessage $connection @{ id = $id; method = $Method; params = $sent })) {
        Close-EbpfConnection
        return $null
    }
    $answer = $null
    $gone = $false
    try {
        $answer = Receive-EbpfAnswer -Id $id -Cmdlet $Cmdlet -Activity $Activity -TimeoutMilliseconds $TimeoutMilliseconds
        $gone = $null -eq $answer
    }
    finally {
        # Also runs when the pipeline is stopped. The answer would come in the middle of the next call: the connection goes.
        if ($gone) { Close-EbpfConnection }
        elseif ($null -eq $answer) {
            $null = Send-EbpfMessage $connection @{ method = '$/cancelRequest'; params = @{ id = $id } }
            Close-EbpfConnection
        }
        if ($Activity -and $null -ne $Cmdlet) { Hide-EbpfProgress $Cmdlet $id $Activity }
    }
    if ($gone) {
        if ($Method -match $script:Asking) { return $null }
        throw (New-EbpfException ServiceNotRunning 'The service ended before it answered.' -Target $connection.Socket -Fatal)
    }
    if ($null -ne $answer.PSObject.Properties['error']) { throw (ConvertTo-EbpfException $answer.error) }
    @{ Result = $answer.result }
}

<# Reads messages until the answer with that id, and shows the progress that comes before it. $null if the service ended. #>
function Receive-EbpfAnswer {
    param([int] $Id, [System.Management.Automation.PSCmdlet] $Cmdlet, [string] $Activity, [int] $TimeoutMilliseconds)
    while ($true) {
        $message = Receive-EbpfMessage $script:Connection $TimeoutMilliseconds
        if ($null -eq $message) { return $null }
        $members = $message.PSObject.Properties
        if ($null -eq $members['method']) {
            $answered = Get-EbpfMember $message id
            # An answer without an id is about a request that the service could not read.
            if ($answered -eq $Id -or ($null -eq $answered -and $null -ne $members['error'])) { return $message }
        }
        elseif ($message.method -eq '$/progress' -and $Activity -and $null -ne $Cmdlet -and $message.params.token -eq $Id) {
            Show-EbpfProgress $Cmdlet $Id $Activity $message.params.value
        }
    }
}

function Show-EbpfProgress {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [int] $Id, [string] $Activity, [psobject] $Progress)
    $record = [System.Management.Automation.ProgressRecord]::new($Id, $Activity, $Progress.message)
    $members = $Progress.PSObject.Properties
    if ($null -ne $members['done'] -and $null -ne $members['total'] -and $Progress.total -gt 0) {
        $record.PercentComplete = [int][Math]::Min(100, 100 * $Progress.done / $Progress.total)
    }
    $Cmdlet.WriteProgress($record)
}

function Hide-EbpfProgress {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [int] $Id, [string] $Activity)
    $record = [System.Management.Automation.ProgressRecord]::new($Id, $Activity, 'Done')
    $record.RecordType = [System.Management.Automation.ProgressRecordType]::Completed
    $Cmdlet.WriteProgress($record)
}
