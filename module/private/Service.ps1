# The service itself as an object, running or not.

function Get-EbpfServiceObject {
    param([System.Management.Automation.PSCmdlet] $Cmdlet)
    $place = Get-EbpfServicePath
    $status = 'Running'
    try { $record = Invoke-EbpfService service.status @{} $Cmdlet -NoStart }
    catch {
        $facts = $_.Exception.Data['Ebpf']
        if ($null -eq $facts -or $facts.Code -ne 'ServiceNotRunning') { throw }
        Clear-EbpfError $_
        $status = 'Stopped'
        $record = [pscustomobject]@{ socket = $place.Socket; stateFolder = $place.Folder }
    }
    $properties = [ordered]@{ Status = $status }
    Add-EbpfProperty $properties Ebpf.Service $record
    $result = [pscustomobject]$properties
    $result.PSObject.TypeNames.Insert(0, 'Ebpf.Service')
    $result
}

<# Waits until the service that was told to stop has closed the connection: until then it is still ending. #>
function Wait-EbpfEnd {
    if ($null -eq $script:Connection) { return }
    try { while ($null -ne (Receive-EbpfMessage $script:Connection $script:GreetingMilliseconds)) { } }
    finally { Close-EbpfConnection }
}
