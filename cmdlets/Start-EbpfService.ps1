function Start-EbpfService {
    <#
    .SYNOPSIS
    Starts the eBPF service.

    .DESCRIPTION
    Start-EbpfService starts the service of this user, with the interfaces, programs and attachments it had. Cmdlets
    that need the service start it themselves. Nothing happens if it runs already.

    .PARAMETER PassThru
    Give back the state of the service.

    .EXAMPLE
    Start-EbpfService

    Starts the service.

    .EXAMPLE
    Start-EbpfService -PassThru | Format-List

    Starts the service and shows its state.

    .OUTPUTS
    None, or Ebpf.Service with -PassThru

    .LINK
    Get-EbpfService

    .LINK
    Stop-EbpfService
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Low')]
    [OutputType('Ebpf.Service')]
    param(
        [switch] $PassThru
    )
    process {
        try {
            $service = Get-EbpfServiceObject $PSCmdlet
            if ($service.Status -eq 'Stopped' -and $PSCmdlet.ShouldProcess($service.Socket, 'Start the service')) {
                $null = Invoke-EbpfService service.status @{} $PSCmdlet
                $service = Get-EbpfServiceObject $PSCmdlet
            }
            if ($PassThru) { $service }
        }
        catch { Write-EbpfError $PSCmdlet $_ }
    }
}
