# Errors: a code of the one vocabulary becomes an ErrorRecord with that id, its category, its target and the remedy as
# recommended action. Inside the module an error is an exception that carries these facts in its Data.

# The rows of core/base/error.ts that the module itself raises; a test holds them equal.
$script:ErrorCodes = @{
    ArgumentInvalid     = @('InvalidArgument', "See the command's help for what it takes.")
    FileNotFound        = @('ObjectNotFound', 'Check the path.')
    ProgramNotFound     = @('ObjectNotFound', "List what there is with Get-EbpfProgram or 'ebpf program list'.")
    MapNotFound         = @('ObjectNotFound', "List what there is with Get-EbpfMap or 'ebpf map list'.")
    InterfaceNotFound   = @('ObjectNotFound', "Add one with New-EbpfInterface or 'ebpf interface add'.")
    DriverNotInstalled  = @('ObjectNotFound', "Install it with Install-EbpfDriver or 'ebpf driver install'.")
    ServiceNotRunning   = @('ConnectionError', "Start it with Start-EbpfService or 'ebpf service start'.")
    ServiceUnresponsive = @('OperationTimeout', "Stop the service with 'ebpf service stop --force' and start it again.")
    SocketUnusable      = @('ResourceUnavailable', 'Choose a short, writable folder with EBPF_HOME.')
    PermissionDenied    = @('PermissionDenied', 'Run as the user who started the service, or elevated.')
    ProtocolMismatch    = @('ConnectionError', "Stop the service of the other version with 'ebpf service stop'.")
    ToolMissing         = @('NotInstalled', 'Install the tool that is named.')
    InternalError       = @('InvalidOperation', 'This is a defect of ebpf; please report it with the text above.')
}

<# An exception to throw. -Fatal: there is no use in going on with the next item. #>
function New-EbpfException {
    param([string] $Code, [string] $Message, [object] $Target, [switch] $Fatal)
    $row = $script:ErrorCodes[$Code]
    $exception = [System.InvalidOperationException]::new($Message)
    $exception.Data['Ebpf'] = @{ Code = $Code; Category = $row[0]; Remedy = $row[1]; Target = $Target; Fatal = [bool]$Fatal }
    $exception
}

<# The error object of a JSON-RPC answer as an exception to throw. #>
function ConvertTo-EbpfException {
    param([psobject] $WireError)
    $data = Get-EbpfMember $WireError 'data'
    $message = $WireError.message
    $file = Get-EbpfMember $data 'file'
    if ($null -ne $file) {
        # The one of several files that an error is about has to be told.
        $leaf = [System.IO.Path]::GetFileName($file)
        if (-not $message.Contains($leaf)) { $message = "${leaf}: $message" }
    }
    $exception = [System.InvalidOperationException]::new($message)
    $facts = @{ Code = 'InternalError'; Category = 'InvalidOperation'; Remedy = $null; Target = $null; Fatal = $false }
    foreach ($name in 'code', 'category', 'remedy', 'target') {
        $value = Get-EbpfMember $data $name
        if ($null -ne $value) { $facts[$name] = $value }
    }
    if ($null -ne $file) { $facts.Target = $file }
    $facts.Fatal = $facts.Code -eq 'ProtocolMismatch'
    $exception.Data['Ebpf'] = $facts
    $failure = Get-EbpfMember (Get-EbpfMember $data 'details') 'failure'
    if ($null -ne $failure) { $exception.Data['Failure'] = ConvertTo-EbpfObject Ebpf.Failure $failure }
    $exception
}

<# The record of a caught error, for $PSCmdlet. -Target is for an error that names none; what is no error of ours keeps what it has. #>
function New-EbpfErrorRecord {
    param([System.Management.Automation.ErrorRecord] $Caught, [object] $Target)
    $exception = $Caught.Exception
    $facts = $exception.Data['Ebpf']
    if ($null -eq $facts) { return [System.Management.Automation.ErrorRecord]::new($Caught, $exception) }
    if ($null -ne $facts.Target) { $Target = $facts.Target }
    $category = [System.Management.Automation.ErrorCategory]$facts.Category
    $record = [System.Management.Automation.ErrorRecord]::new($exception, $facts.Code, $category, $Target)
    $text = $exception.Message
    $remedy = $facts.Remedy
    $failure = $exception.Data['Failure']
    if ($null -ne $failure) {
        $remedy = "$($failure.Remedy) ('ebpf explain $($failure.Code)' tells more.)"
        if ($null -ne $failure.Source) {
            $place = "$($failure.Source.File):$($failure.Source.Line)"
            $line = $failure.Source.Text.Trim()
            $text += if ($text.Contains($place)) { "`nC: $line" } else { "`n${place}: $line" }
        }
    }
    # PowerShell 7 shows the recommended action below the message by itself; Windows PowerShell does not.
    if ($remedy -and $PSVersionTable.PSVersion.Major -lt 7 -and -not $text.Contains($remedy)) { $text += "`n$remedy" }
    $record.ErrorDetails = [System.Management.Automation.ErrorDetails]::new($text)
    $record.ErrorDetails.RecommendedAction = $remedy
    $record
}

<# Takes a caught error out of $Error: what the module handles is no news to the user. #>
function Clear-EbpfError {
    param([System.Management.Automation.ErrorRecord] $Caught)
    # $Error may hold what a .NET method threw inside the engine's own wrapping.
    $cause = Get-EbpfCause $Caught.Exception
    while ($global:Error.Count -gt 0) {
        $newest = $global:Error[0]
        if ($newest -is [System.Management.Automation.ErrorRecord]) { $newest = $newest.Exception }
        if (-not [object]::ReferenceEquals((Get-EbpfCause $newest), $cause)) { break }
        $global:Error.RemoveAt(0)
    }
}

<# Reports a caught error for one item; ends the cmdlet if no other item could fare better. #>
function Write-EbpfError {
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [System.Management.Automation.ErrorRecord] $Caught,
        [object] $Target
    )
    $record = New-EbpfErrorRecord $Caught $Target
    Clear-EbpfError $Caught
    $facts = $Caught.Exception.Data['Ebpf']
    if ($null -ne $facts -and $facts.Fatal) { $Cmdlet.ThrowTerminatingError($record) }
    $Cmdlet.WriteError($record)
}

<# The innermost exception. GetBaseException stops short of it for an AggregateException. #>
function Get-EbpfCause {
    param([System.Exception] $Exception)
    while ($null -ne $Exception.InnerException) { $Exception = $Exception.InnerException }
    $Exception
}
