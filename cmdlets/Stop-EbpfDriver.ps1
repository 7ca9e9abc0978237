function Stop-EbpfDriver {
    <#
    .SYNOPSIS
    Stops the driver EbpfCore.sys.

    .DESCRIPTION
    Stop-EbpfDriver has Windows unload the driver. It refuses while programs are loaded in it, unless -Force ends them. It
    waits until the last program of the system that has the driver open lets it go. Nothing happens if it does not run. Needs
    an administrator.

    .PARAMETER Force
    Also if programs are loaded: they end, and packets pass.

    .PARAMETER PassThru
    Give back the driver's state.

    .EXAMPLE
    Stop-EbpfDriver

    Stops the driver.

    .EXAMPLE
    Stop-EbpfDriver -Force -WhatIf

    Says what would be stopped, and how many programs would end.

    .OUTPUTS
    None, or Ebpf.Driver with -PassThru

    .LINK
    Get-EbpfDriver

    .LINK
    Start-EbpfDriver
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('Ebpf.Driver')]
    param(
        [switch] $Force,

        [switch] $PassThru
    )
    process {
        try {
            $driver = Get-EbpfInstalledDriver
            $words = @('stop')
            if ($Force) { $words += '--force' }
            $action = if ($driver.Programs) { "Unload the driver with $($driver.Programs) programs" } else { 'Unload the driver' }
            if ($driver.State -ne 'stopped' -and $PSCmdlet.ShouldProcess($driver.Name, $action)) { $driver = Invoke-EbpfDriver $words }
            if ($PassThru) { $driver }
        }
        catch { Write-EbpfError $PSCmdlet $_ }
    }
}
