function Get-EbpfService {
    <#
    .SYNOPSIS
    Gets the state of the eBPF service.

    .DESCRIPTION
    Get-EbpfService tells whether the service of this user runs and, if so, what it holds: programs, maps, links and
    interfaces, its memory, and the folder of its state. It never starts the service.

    .EXAMPLE
    Get-EbpfService

    The state of the service.

    .EXAMPLE
    (Get-EbpfService).Status -eq 'Running'

    Whether it runs.

    .OUTPUTS
    Ebpf.Service

    .LINK
    Start-EbpfService

    .LINK
    Stop-EbpfService
    #>
    [CmdletBinding()]
    [OutputType('Ebpf.Service')]
    param()
    process {
        try { Get-EbpfServiceObject $PSCmdlet }
        catch { Write-EbpfError $PSCmdlet $_ }
    }
}
