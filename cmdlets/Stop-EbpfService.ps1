function Stop-EbpfService {
    <#
    .SYNOPSIS
    Stops the eBPF service.

    .DESCRIPTION
    Stop-EbpfService ends the service of this user, and with it the interfaces and programs that live in it; those
    come back when it starts again. Nothing happens if it does not run.

    .PARAMETER PassThru
    Give back the state of the service.

    .EXAMPLE
    Stop-EbpfService

    Stops the service.

    .EXAMPLE
    Stop-EbpfService -WhatIf

    Says what would be stopped.

    .OUTPUTS
    None, or Ebpf.Service with -PassThru

    .LINK
    Get-EbpfService

    .LINK
    Start-EbpfService
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('Ebpf.Service')]
    param(
        [switch] $PassThru
    )
    process {
        try {
            $service = Get-EbpfServiceObject $PSCmdlet
            $holds = "Stop the service with $($service.Programs) programs and $($service.Interfaces) interfaces"
            if ($service.Status -eq 'Running' -and $PSCmdlet.ShouldProcess("process $($service.ProcessId)", $holds)) {
                $null = Invoke-EbpfService service.stop @{} $PSCmdlet -NoStart
                Wait-EbpfEnd
                $service = Get-EbpfServiceObject $PSCmdlet
            }
            if ($PassThru) { $service }
        }
        catch { Write-EbpfError $PSCmdlet $_ }
    }
}
