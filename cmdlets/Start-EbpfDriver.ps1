function Start-EbpfDriver {
    <#
    .SYNOPSIS
    Starts the driver EbpfCore.sys.

    .DESCRIPTION
    Start-EbpfDriver has Windows load the driver. Nothing happens if it runs. If Windows refuses the file, the error tells
    why: its signature, or a policy that blocks it, and what Windows' event logs say of it. Needs an administrator.

    .PARAMETER PassThru
    Give back the driver's state.

    .EXAMPLE
    Start-EbpfDriver -PassThru

    Starts the driver and shows which engine programs have.

    .OUTPUTS
    None, or Ebpf.Driver with -PassThru

    .LINK
    Get-EbpfDriver

    .LINK
    Stop-EbpfDriver
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Low')]
    [OutputType('Ebpf.Driver')]
    param(
        [switch] $PassThru
    )
    process {
        try {
            $driver = Get-EbpfInstalledDriver
            if ($driver.State -ne 'running' -and $PSCmdlet.ShouldProcess($driver.Name, "Load $($driver.Path) into the kernel")) {
                $driver = Invoke-EbpfDriver 'start'
            }
            if ($PassThru) { $driver }
        }
        catch { Write-EbpfError $PSCmdlet $_ }
    }
}
