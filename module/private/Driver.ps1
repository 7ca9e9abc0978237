# The driver as an object. What is done to it is done by the core's command line in a process of its own, which has this
# session's rights: the service may run with others.

<# `ebpf driver WORDS` -> an Ebpf.Driver. #>
function Invoke-EbpfDriver {
    param([string[]] $Words)
    ConvertTo-EbpfObject Ebpf.Driver (Invoke-EbpfCore (@('driver') + $Words))
}

<# DriverNotInstalled, as the core says it, for what needs a service that is there. #>
function Get-EbpfInstalledDriver {
    $driver = Invoke-EbpfDriver 'status'
    if ($driver.State -eq 'absent') { throw (New-EbpfException DriverNotInstalled "There is no service $($driver.Name)." -Target $driver.Name -Fatal) }
    $driver
}
