function Install-EbpfDriver {
    <#
    .SYNOPSIS
    Installs the driver EbpfCore.sys.

    .DESCRIPTION
    Install-EbpfDriver creates the service of the driver, as 'sc create EbpfCore type= kernel' does, or changes the one that
    is there, also one that was made with sc. The file is copied to System32\drivers, unless the service has it where it
    lies already or -InPlace is given. It does not start the driver. Windows loads only files whose signature it accepts:
    docs/driver.md tells how to sign it for a machine of yours. Needs an administrator.

    .PARAMETER FilePath
    The driver's file. Without it, EbpfCore.sys beside the module.

    .PARAMETER StartType
    When Windows starts it: boot, system, auto, demand or disabled. Boot is refused until the driver has run once from the
    same file, because one that Windows does not load keeps it from starting.

    .PARAMETER InPlace
    Use the file where it lies.

    .PARAMETER Force
    Also over the service of another product, and at boot without having run once.

    .PARAMETER PassThru
    Give back the driver's state.

    .EXAMPLE
    Install-EbpfDriver

    Installs the driver that lies beside the module; Start-EbpfDriver starts it.

    .EXAMPLE
    Install-EbpfDriver C:\ebpf\EbpfCore.sys -StartType boot -PassThru

    Has a driver that runs start with Windows from now on.

    .OUTPUTS
    None, or Ebpf.Driver with -PassThru

    .LINK
    Start-EbpfDriver

    .LINK
    Uninstall-EbpfDriver
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('Ebpf.Driver')]
    param(
        [Parameter(Position = 0)]
        [ValidateNotNullOrEmpty()]
        [string] $FilePath,

        [ValidateSet('boot', 'system', 'auto', 'demand', 'disabled')]
        [string] $StartType = 'demand',

        [switch] $InPlace,

        [switch] $Force,

        [switch] $PassThru
    )
    process {
        try {
            $driver = Invoke-EbpfDriver 'status'
            $words = @('install', '--start', $StartType)
            if ($FilePath) { $words += '--path', $PSCmdlet.GetUnresolvedProviderPathFromPSPath($FilePath) }
            if ($InPlace) { $words += '--in-place' }
            if ($Force) { $words += '--force' }
            $action = if ($driver.State -eq 'absent') { "Create the service, start type $StartType" } else { "Change the service of $($driver.Path), start type $StartType" }
            if ($PSCmdlet.ShouldProcess($driver.Name, $action)) { $driver = Invoke-EbpfDriver $words }
            if ($PassThru) { $driver }
        }
        catch { Write-EbpfError $PSCmdlet $_ }
    }
}
