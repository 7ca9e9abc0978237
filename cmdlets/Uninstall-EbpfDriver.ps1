function Uninstall-EbpfDriver {
    <#
    .SYNOPSIS
    Uninstalls the driver EbpfCore.sys.

    .DESCRIPTION
    Uninstall-EbpfDriver stops the driver as Stop-EbpfDriver does, deletes its service, and removes its file if that is where
    Install-EbpfDriver has put it; a file elsewhere stays. Needs an administrator.

    .PARAMETER Force
    Also if programs are loaded, which end; and also if the service is another product's, whose file stays.

    .PARAMETER PassThru
    Give back what the driver was.

    .EXAMPLE
    Uninstall-EbpfDriver

    Stops the driver and removes it.

    .EXAMPLE
    Uninstall-EbpfDriver -WhatIf

    Says what would be removed.

    .OUTPUTS
    None, or Ebpf.Driver with -PassThru

    .LINK
    Install-EbpfDriver

    .LINK
    Stop-EbpfDriver
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
            $words = @('uninstall')
            if ($Force) { $words += '--force' }
            if (-not $PSCmdlet.ShouldProcess($driver.Name, "Stop it and delete its service, which has $($driver.Path)")) { return }
            $removed = Invoke-EbpfDriver $words
            if ($PassThru) { $removed }
        }
        catch { Write-EbpfError $PSCmdlet $_ }
    }
}
